import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type PostgresServer, startPostgres } from '../../test/databases.ts'
import { type Gateway, masterKey, startGateway } from '../../test/gateway.ts'

/** Callers while PostgreSQL is away, for real: killed, and hanging (reliability F55, F65 to F67). */

let server: PostgresServer | undefined

before(async () => {
  server = await startPostgres()
})

after(async () => {
  await server?.stop()
})

const config = {
  model_list: [
    {
      model_name: 'gpt-4',
      litellm_params: { model: 'openai/gpt-4', api_key: 'sk-upstream', mock_response: 'hi' },
      model_info: { id: '1' },
    },
  ],
}

const known = ['sk-known-1', 'sk-known-2']

async function statusOf(app: Gateway, key: string): Promise<number> {
  return (await app.chat('gpt-4', key)).status
}

interface Seen {
  readonly known: Set<number>
  readonly unknown: Set<number>
  readonly slowestMs: number
}

/** Calls with known and unknown keys for so long. */
async function callFor(app: Gateway, ms: number): Promise<Seen> {
  const until = performance.now() + ms
  const seen = { known: new Set<number>(), unknown: new Set<number>(), slowestMs: 0 }
  const caller = async (key: string): Promise<void> => {
    while (performance.now() < until) {
      const startedAt = performance.now()
      seen.known.add(await statusOf(app, key))
      seen.slowestMs = Math.max(seen.slowestMs, performance.now() - startedAt)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const stranger = async (): Promise<void> => {
    for (let number = 0; performance.now() < until; number += 1) {
      seen.unknown.add(await statusOf(app, `sk-unknown-${number}`))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  await Promise.all([...known.map(caller), stranger()])
  return seen
}

test('known keys call as before while PostgreSQL is killed or hangs, and no unknown one gets a 401', async (context) => {
  if (server === undefined) return context.skip('PostgreSQL is not installed')
  const app = await startGateway(context, { config, databaseUrl: server.url })
  await app.put(...known.map((key) => ['key', hash('sha256', key), { team_id: 'red' }] as const), ['team', 'red', {}])
  await app.put(['key', hash('sha256', 'sk-not-seen-yet'), {}])
  for (const key of known) assert.equal(await statusOf(app, key), 200)
  assert.equal(await statusOf(app, 'sk-nobody'), 401)

  await server.kill()
  const killed = await callFor(app, 6_000)
  assert.deepEqual([[...killed.known], [...killed.unknown]], [[200], [503]])
  assert.equal(await statusOf(app, masterKey), 200)
  await server.start()
  await until(async () => (await statusOf(app, 'sk-not-seen-yet')) === 200)
  assert.equal(await statusOf(app, 'sk-nobody'), 401)

  server.pause()
  const hanging = await callFor(app, 8_000)
  server.resume()
  assert.deepEqual([[...hanging.known], [...hanging.unknown]], [[200], [503]])
  context.diagnostic(
    `slowest call of a known key: killed ${killed.slowestMs | 0} ms, hanging ${hanging.slowestMs | 0} ms`,
  )
  await until(async () => (await statusOf(app, 'sk-nobody')) === 401)
  for (const key of known) assert.equal(await statusOf(app, key), 200)
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const startedAt = performance.now()
  while (!(await isSo())) {
    assert.ok(performance.now() - startedAt < 15_000, 'it did not come back within 15 s')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
