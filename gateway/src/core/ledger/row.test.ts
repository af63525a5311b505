import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usdToNano } from '../money.ts'
import type { Charge } from '../spend.ts'
import { cellsIn, lineOf, rowIn } from './row.ts'
import type { SettledCall } from './settled-call.ts'

const call: SettledCall = {
  id: 'row-1',
  callId: 'call-1',
  answerId: 'chatcmpl-1',
  startedAt: Date.UTC(2026, 10, 21, 23, 59, 59, 999),
  endedAt: Date.UTC(2026, 10, 22, 0, 0, 1),
  firstContentMs: 120,
  holders: { key: 'k', keyAlias: 'größer', user: 'u', team: 't', organization: 'o', endUser: 'e "quoted"\n' },
  requestedModel: 'openai/gpt-5',
  modelGroup: 'openai/*',
  deployment: 'd',
  provider: 'openai',
  providerModel: 'gpt-5',
  apiBase: 'https://api.openai.com/v1',
  callType: 'chat',
  stream: true,
  status: 499,
  errorCode: 'client_closed',
  attempts: 2,
  fallbacks: 1,
  revision: 7,
  priceMap: 'abc',
  usage: { inputTokens: 10, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 3 },
  estimated: true,
  cost: usdToNano(0.000123),
  breakdown: { input: 100, output: 23 },
  tags: ['a', 'b,c'],
  cacheHit: false,
  clientAddress: '127.0.0.1',
}

const charges: readonly Charge[] = [
  { spender: 'api_key:k', window: undefined },
  { spender: 'user:u', window: { start: 1, end: 2 } },
]

function back(row: { readonly call: SettledCall; readonly charges: readonly Charge[] }) {
  const cells = cellsIn(lineOf(row))
  assert.ok(cells)
  return rowIn(cells)
}

test('a call and whom it is charged to come back from their line as they were', () => {
  assert.deepEqual(back({ call, charges }), { call, charges })
})

test('a row is one line, whatever callers send', () => {
  assert.equal(lineOf({ call, charges }).includes('\n'), false)
})

test('what is unknown stays unknown', () => {
  const unknown: SettledCall = {
    ...call,
    usage: undefined,
    cost: undefined,
    breakdown: undefined,
    errorCode: undefined,
    firstContentMs: undefined,
  }
  assert.deepEqual(back({ call: unknown, charges: [] }), { call: unknown, charges: [] })
})

test('a caller cannot fill the ledger with one field', () => {
  const tags = Array<string>(500).fill('x'.repeat(9_000))
  const { call: long } = back({ call: { ...call, requestedModel: 'm'.repeat(10_000), tags }, charges })
  assert.equal(long.requestedModel.length, 512)
  assert.equal(long.tags.length, 50)
  assert.equal(long.tags[0]?.length, 512)
})

test('text that no database takes is mended', () => {
  const { call: mended } = back({ call: { ...call, requestedModel: 'a\0b\ud83d' }, charges })
  assert.equal(mended.requestedModel, 'a\ufffdb\ufffd')
})

test('a line that is torn, or is something else, is no row', () => {
  for (const line of ['', '["only","half a', '{"id":"x"}', '[]', '["id","call","not a time"]']) {
    assert.equal(cellsIn(line), undefined, line)
  }
})
