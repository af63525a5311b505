import { readFileSync } from 'node:fs'
import { isObject, type JsonObject } from '../lib/json.ts'
import { masterKeyFile } from '../master-key.ts'

/** A reload of a large configuration takes seconds. */
const answerMs = 60_000

export interface RemoteFlags {
  readonly url?: string
  readonly key?: string
  readonly dataDir?: string
}

/** A running gateway could not be asked; the message says what to do. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
}

/**
 * Asks a running gateway.
 * @throws RemoteError when it cannot be reached, refuses the key or answers something that is not its own
 */
export async function ask(
  method: 'GET' | 'POST',
  path: string,
  flags: RemoteFlags,
): Promise<{ readonly status: number; readonly body: JsonObject }> {
  const base = (flags.url ?? process.env.MIDFLIGHT_URL ?? 'http://localhost:4000').replace(/\/$/, '')
  const { key, from } = keyOf(flags)
  const answer = await fetch(`${base}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}` },
    redirect: 'manual',
    signal: AbortSignal.timeout(answerMs),
  }).catch((error: unknown) => {
    const reason = reasonOf(error)
    throw new RemoteError(`no gateway answers at ${base}: ${reason}; name it with --url`, { cause: error })
  })
  const body: unknown = await answer.json().catch(() => undefined)
  if (!isObject(body)) throw new RemoteError(`${base}${path} did not answer JSON (status ${answer.status})`)
  if (answer.status === 401) {
    const advice = 'give the master key with --key or LITELLM_MASTER_KEY'
    throw new RemoteError(`${base} refused the key of ${from}; ${advice}`)
  }
  return { status: answer.status, body }
}

/** `fetch` itself only says that it failed; why is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message || error.name
  return cause.message || ('code' in cause ? String(cause.code) : cause.name)
}

function keyOf(flags: RemoteFlags): { readonly key: string; readonly from: string } {
  if (flags.key !== undefined) return { key: flags.key, from: '--key' }
  const named = process.env.LITELLM_MASTER_KEY
  if (named !== undefined) return { key: named, from: 'LITELLM_MASTER_KEY' }
  const file = masterKeyFile(flags.dataDir ?? process.env.MIDFLIGHT_DATA_DIR ?? '.midflight')
  try {
    return { key: readFileSync(file, 'utf8').trim(), from: file }
  } catch {
    throw new RemoteError('no master key: give --key, set LITELLM_MASTER_KEY, or run where the data directory is')
  }
}
