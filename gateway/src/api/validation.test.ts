import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import type { JsonObject } from '../lib/json.ts'
import { invalidFields } from './validation.ts'

const schema = z.object({
  ids: z.array(z.string()),
  count: z.number().int().optional(),
  amount: z.number().optional(),
  flag: z.boolean().optional(),
  more: z.record(z.string(), z.string()).optional(),
  role: z.enum(['admin', 'user']).optional(),
})

function typesOf(sent: JsonObject): readonly unknown[] {
  const { error } = schema.safeParse(sent)
  return error === undefined ? [] : invalidFields('body', error, sent).map(({ type, loc, msg }) => [type, loc, msg])
}

test('wrong values are told in the words that clients of FastAPI look for', () => {
  assert.deepEqual(typesOf({}), [['missing', ['body', 'ids'], 'Field required']])
  assert.deepEqual(typesOf({ ids: 'abc' }), [['list_type', ['body', 'ids'], 'Input should be a valid list']])
  assert.deepEqual(typesOf({ ids: [123] }), [['string_type', ['body', 'ids', 0], 'Input should be a valid string']])
  const wrong = { ids: [], count: 1.5, amount: 'x', flag: 'yes', more: [], role: 'king' }
  assert.deepEqual(typesOf(wrong), [
    ['int_type', ['body', 'count'], 'Input should be a valid integer'],
    ['float_type', ['body', 'amount'], 'Input should be a valid number'],
    ['bool_type', ['body', 'flag'], 'Input should be a valid boolean'],
    ['dict_type', ['body', 'more'], 'Input should be a valid dictionary'],
    ['enum', ['body', 'role'], "Input should be 'admin', 'user'"],
  ])
})

test('what was sent is never shown again: it may be a secret', () => {
  const sent = { ids: 'sk-secret', more: { a: 1 } }
  const { error } = schema.safeParse(sent)
  assert.ok(error !== undefined && !JSON.stringify(invalidFields('body', error, sent)).includes('sk-secret'))
})
