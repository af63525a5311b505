import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { unknownFields } from './unknown-fields.ts'

const schema = z.object({
  name: z.string().optional(),
  open: z.looseObject({ a: z.string() }).nullish(),
  closed: z.object({ a: z.string() }).default({ a: '' }),
  list: z.array(z.object({ a: z.number() })).optional(),
})

test('fields that nothing reads are named with their path, once', () => {
  const sent = { name: 'x', nmae: 1, open: { b: 1 }, closed: { a: 'x', b: 2 }, list: [{ a: 1, c: 1 }, { c: 2 }] }
  assert.deepEqual(unknownFields(schema, sent), ['nmae', 'closed.b', 'list.c'])
})

test('what is no mapping, and a schema that takes any key, has no unknown fields', () => {
  assert.deepEqual(unknownFields(schema, { open: null, list: 'x', closed: [] }), [])
  assert.deepEqual(unknownFields(z.record(z.string(), z.string()), { a: 'x' }), [])
  assert.deepEqual(
    unknownFields(
      schema.transform((value) => value),
      { zzz: 1, constructor: 1 },
    ),
    ['zzz', 'constructor'],
  )
})
