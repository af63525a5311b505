import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startRedis } from '../../../test/databases.ts'
import type { Demand } from '../../core/limit.ts'
import { RedisPlace } from './redis.ts'

/** More than Lua unpacks in one go (LUAI_MAXCSTACK, 8000). */
const held = 9_000
const minuteMs = 60_000

test('what thousands of calls of a dead replica held is given back', async (context) => {
  const server = await startRedis()
  if (server === undefined) return context.skip('Redis is not installed')
  const connected = Promise.withResolvers<void>()
  const place = new RedisPlace({ url: server.url, onConnection: (up) => up && connected.resolve() })
  context.after(async () => {
    await place.close()
    await server.stop()
  })
  const demand: Demand = {
    counter: 'team:t:parallel',
    descriptor: 'team',
    value: 't',
    measure: 'parallel',
    limit: held,
    amount: 1,
    window: undefined,
  }
  await connected.promise
  const ids = Array.from({ length: held }, (_, index) => `dead.${index}`)
  await Promise.all(ids.map((id) => place.reserve(id, [demand], minuteMs, [])))
  assert.equal((await place.reserve('alive.1', [demand], minuteMs, [])).type, 'refused')
  // Put off for no longer than a moment, as if the time of all had come.
  for (let start = 0; start < held; start += 100) {
    await place.renew(
      ids.slice(start, start + 100).map((id) => ({ id, demand })),
      1,
    )
  }
  await sleep(10)
  assert.equal((await place.reserve('alive.2', [demand], minuteMs, [])).type, 'taken')
})
