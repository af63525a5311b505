import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { startGateway } from '../../test/gateway.ts'
import type { JsonObject } from '../lib/json.ts'
import { parseLeniently } from './lenient.ts'

const schema = z.object({
  amount: z.number().nullable().optional(),
  count: z.number().int().min(0).optional(),
  flag: z.boolean().optional(),
  name: z.string().optional(),
  byModel: z.record(z.string(), z.object({ limit: z.number() })).optional(),
  list: z.array(z.number()).optional(),
})

function taken(sent: JsonObject): unknown {
  const { result, sent: meant } = parseLeniently(schema, sent)
  if (!result.success) return result.error.issues.map(({ path }) => path.join('.'))
  assert.deepEqual(result.data, meant, 'what a handler reads of the body as it was sent is the same')
  return result.data
}

test('a number or a boolean that comes as text is what it means', () => {
  assert.deepEqual(taken({ amount: '5', count: ' 7 ', flag: 'true' }), { amount: 5, count: 7, flag: true })
  assert.deepEqual(taken({ amount: '-.5e1', flag: 'OFF' }), { amount: -5, flag: false })
  assert.deepEqual(taken({ flag: 1 }), { flag: true })
  assert.deepEqual(taken({ byModel: { 'a.b': { limit: '3' } }, list: [1, '2'] }), {
    byModel: { 'a.b': { limit: 3 } },
    list: [1, 2],
  })
  assert.deepEqual(taken({ amount: null, name: '5' }), { amount: null, name: '5' })
})

test('what means neither is wrong, beside what does', () => {
  assert.deepEqual(taken({ amount: 'lots', count: '7' }), ['amount'])
  for (const amount of ['', ' ', '0x10', '1_000', '1,5', 'NaN', 'Infinity', '1e999', `1${'0'.repeat(50)}`, [], {}]) {
    assert.deepEqual(taken({ amount }), ['amount'], JSON.stringify(amount))
  }
  assert.deepEqual(taken({ count: '1.5' }), ['count'])
  assert.deepEqual(taken({ count: '-1' }), ['count'])
  for (const flag of ['maybe', '', 2, null, 'constructor']) assert.deepEqual(taken({ flag }), ['flag'])
  assert.deepEqual(taken({ name: 5 }), ['name'])
})

test('what was sent is left as it is', () => {
  const sent = { byModel: { a: { limit: '3' } } }
  parseLeniently(schema, sent)
  assert.deepEqual(sent, { byModel: { a: { limit: '3' } } })
})

test('a key whose limits came as text has limits', async (context) => {
  const { post } = await startGateway(context)
  const made = await post('/key/generate', { max_budget: '5', rpm_limit: '3', blocked: 'false' })
  assert.equal(made.status, 200, made.text)
  assert.deepEqual([made.body.max_budget, made.body.rpm_limit, made.body.blocked], [5, 3, false])
  const updated = await post('/key/update', { key: made.body.key, tpm_limit: '1000', max_budget: '0' })
  assert.deepEqual([updated.body.tpm_limit, updated.body.max_budget], [1000, 0])
})
