import { isObject, type JsonObject } from '../lib/json.ts'
import { problemLines } from './problem-lines.ts'
import { ask, RemoteError, type RemoteFlags } from './remote.ts'

/** Shows what the running gateway runs; exits 1 unless its newest configuration serves. */
export async function status(flags: RemoteFlags & { readonly json?: boolean }): Promise<void> {
  try {
    const { body } = await ask('GET', '/config/status', flags)
    process.stdout.write(flags.json === true ? `${JSON.stringify(body, undefined, 2)}\n` : statusText(body))
    process.exitCode = body.state === 'synced' || body.state === 'empty' ? 0 : 1
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}

function statusText(body: JsonObject): string {
  const lines = [`${String(body.state)}: revision ${String(body.revision)}, generation ${String(body.generation)}`]
  for (const source of objects(body.sources)) {
    lines.push(`  ${String(source.name)}  applied ${String(source.applied_at ?? 'never')}`)
  }
  const replicas = objects(body.replicas)
  for (const replica of replicas.length > 1 ? replicas : []) {
    const alive = replica.alive === true ? '' : ', silent'
    const self = replica.self === true ? ', this one' : ''
    lines.push(
      `  replica ${String(replica.id)} (${String(replica.label)}): ${String(replica.state)}, revision ${String(replica.revision)}${alive}${self}`,
    )
  }
  for (const old of objects(body.draining)) {
    lines.push(`  generation ${String(old.generation)} drains: ${String(old.calls)} calls since ${String(old.since)}`)
  }
  return `${[...lines, ...problemLines(body.problems)].join('\n')}\n`
}

function objects(value: JsonObject[string]): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}
