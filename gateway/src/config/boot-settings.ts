import type { Inputs } from '../core/input.ts'
import { referenceOf } from '../core/reference.ts'
import type { Layer } from '../core/resource.ts'
import { isObject } from '../lib/json.ts'

/** What of a file is needed before the store can be opened; read once, at start. */
export interface BootSettings {
  /** `general_settings.database_url` */
  readonly databaseUrl: string | undefined
  /** `general_settings.master_key` */
  readonly masterKey: string | undefined
}

/** The values as they are now; `undefined` where they are not set, or refer to nothing. */
export async function bootSettingsOf({ resources }: Layer, inputs: Pick<Inputs, 'read'>): Promise<BootSettings> {
  const settings = resources.find(({ kind }) => kind === 'settings')?.spec.general_settings
  const read = async (key: string): Promise<string | undefined> => {
    const written = isObject(settings) ? settings[key] : undefined
    if (typeof written !== 'string' || written === '') return undefined
    const reference = referenceOf(written)
    if (reference === undefined) return written
    const content = await inputs.read(reference)
    return content.found ? content.value.reveal() || undefined : undefined
  }
  return { databaseUrl: await read('database_url'), masterKey: await read('master_key') }
}
