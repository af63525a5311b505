import { BootError, readBootOptions } from '../boot.ts'
import { GatewayError } from '../core/errors.ts'
import { createLog } from '../lib/log.ts'
import { rotateSalt } from '../wiring/rotate-salt.ts'

export interface KeysFlags {
  readonly dataDir?: string
  readonly envFile?: string
}

/**
 * Seals all stored secrets with `LITELLM_SALT_KEY`; what was sealed with the keys of `LITELLM_SALT_KEY_PREVIOUS` opens. Exits 1 when
 * something is left that no key opens.
 */
export async function rotateSaltKey(flags: KeysFlags): Promise<void> {
  const log = createLog('info')
  try {
    const { resealed, unreadable } = await rotateSalt(readBootOptions(flags, process.env), log)
    process.stdout.write(`${resealed} rows are sealed with the current key now\n`)
    for (const row of unreadable) process.stderr.write(`cannot be opened: ${row}\n`)
    if (unreadable.length > 0) {
      process.stderr.write('list the key these were sealed with in LITELLM_SALT_KEY_PREVIOUS and run this again\n')
    }
    process.exitCode = unreadable.length === 0 ? 0 : 1
  } catch (error) {
    if (!(error instanceof BootError) && !(error instanceof GatewayError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  } finally {
    log.flush()
  }
}
