import type { BootOptions } from '../boot.ts'
import { bootSettingsOf } from '../config/boot-settings.ts'
import type { Inputs } from '../core/input.ts'
import type { ReadableSource } from '../core/resource.ts'
import { systemClock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { Secret } from '../lib/secret.ts'
import type { BootKey } from '../master-key.ts'
import type { StoreOptions } from '../stores/open.ts'
import { variable } from './inputs.ts'

/**
 * Where the store is and what seals it: flag or environment first, then the file. Replicas that have only the master key of
 * their file in common must seal with it, and not with a key that each has made for itself.
 */
export async function storeOptions(
  boot: BootOptions,
  { inputs, source, key, log }: { inputs: Inputs; source: ReadableSource; key: BootKey; log: Log },
): Promise<StoreOptions> {
  const saltKey = await variable(inputs, 'LITELLM_SALT_KEY')
  const named = boot.databaseUrl ?? (await variable(inputs, 'DATABASE_URL'))
  const needsFile = named === undefined || (saltKey === undefined && key.from === 'generated')
  const file = needsFile ? await bootSettingsOf(await source.refresh(), inputs) : undefined
  const databaseUrl = named ?? file?.databaseUrl
  const shared = databaseUrl === undefined || file?.masterKey === undefined ? key.key : new Secret(file.masterKey)
  if (databaseUrl !== undefined && saltKey === undefined && shared === key.key && key.from === 'generated') {
    const message = 'no LITELLM_SALT_KEY and no master key: other replicas cannot read the secrets that this one stores'
    log.warn('store.seal.local', { message })
  }
  return {
    databaseUrl,
    dataDirectory: boot.dataDirectory,
    saltKey: saltKey === undefined ? shared : new Secret(saltKey),
    // What was stored before there was a salt key is sealed with the master key.
    previousSaltKeys: [...(await previousSaltKeys(inputs)), shared, key.key],
    clock: systemClock,
    log,
    hints: boot.hints,
  }
}

/** Tells one store from another, without its password: the last good copy of one must not serve for the other. */
export function identityOf({ databaseUrl, dataDirectory }: StoreOptions): string {
  const url = databaseUrl === undefined ? null : URL.parse(databaseUrl)
  return url === null ? `sqlite ${databaseUrl ?? dataDirectory}` : `${url.protocol}//${url.host}${url.pathname}`
}

/** `LITELLM_SALT_KEY_PREVIOUS`: a list, parted by commas. */
async function previousSaltKeys(inputs: Inputs): Promise<readonly Secret[]> {
  const list = (await variable(inputs, 'LITELLM_SALT_KEY_PREVIOUS')) ?? ''
  return list
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '')
    .map((key) => new Secret(key))
}
