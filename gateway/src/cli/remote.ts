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
  const answer = await fetch(`${base}${path}`, {
    method,
    headers: { authorization: `Bearer ${keyOf(flags)}` },
    redirect: 'manual',
    signal: AbortSignal.timeout(answerMs),
  }).catch((error: unknown) => {
    const reason = reasonOf(error)
    throw new RemoteError(`no gateway answers at ${base}: ${reason}; name it with --url`, { cause: error })
  })
  const body: unknown = await answer.json().catch(() => undefined)
  if (!isObject(body)) throw new RemoteError(`${base}${path} did not answer JSON (status ${answer.status})`)
  if (answer.status === 401) throw new RemoteError(`${base} refused the key; give it with --key or LITELLM_MASTER_KEY`)
  return { status: answer.status, body }
}

/** `fetch` itself only says that it failed; why is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message || error.name
  return cause.message || ('code' in cause ? String(cause.code) : cause.name)
}

function keyOf(flags: RemoteFlags): string {
  const named = flags.key ?? process.env.LITELLM_MASTER_KEY
  if (named !== undefined) return named
  try {
    return readFileSync(masterKeyFile(flags.dataDir ?? process.env.MIDFLIGHT_DATA_DIR ?? '.midflight'), 'utf8').trim()
  } catch {
    throw new RemoteError('no master key: give --key, set LITELLM_MASTER_KEY, or run where the data directory is')
  }
}
