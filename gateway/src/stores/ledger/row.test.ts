import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usdToNano } from '../../core/money.ts'
import type { SettledCall } from '../../core/settled-call.ts'
import { columns } from './columns.ts'
import { callOf, rowOf } from './row.ts'

const call: SettledCall = {
  id: 'row-1',
  callId: 'call-1',
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

/** As a database gives it back. */
function stored(line: string): Parameters<typeof callOf>[0] {
  const cells: unknown[] = JSON.parse(line)
  // A row has a cell for each column.
  return Object.fromEntries(columns.map(([name], index) => [name, cells[index]])) as Parameters<typeof callOf>[0]
}

test('a call comes back from its row as it was', () => {
  assert.deepEqual(callOf(stored(rowOf(call, []))), call)
})

test('a row is one line, whatever callers send', () => {
  assert.equal(rowOf(call, []).includes('\n'), false)
})

test('the day of a call is that of its start, in UTC', () => {
  assert.equal(stored(rowOf(call, [])).day, '2026-11-21')
  assert.equal(stored(rowOf({ ...call, startedAt: Date.UTC(2026, 10, 22) }, [])).day, '2026-11-22')
})

test('what is unknown stays unknown', () => {
  const { usage: _, cost: __, breakdown: ___, errorCode: ____, firstContentMs: _____, ...rest } = call
  const unknown: SettledCall = {
    ...rest,
    usage: undefined,
    cost: undefined,
    breakdown: undefined,
    errorCode: undefined,
    firstContentMs: undefined,
  }
  assert.deepEqual(callOf(stored(rowOf(unknown, []))), unknown)
})

test('a caller cannot fill the ledger with one field', () => {
  const long = callOf(
    stored(rowOf({ ...call, requestedModel: 'm'.repeat(10_000), tags: Array(500).fill('x'.repeat(9_000)) }, [])),
  )
  assert.equal(long.requestedModel.length, 512)
  assert.equal(long.tags.length, 50)
  assert.equal(long.tags[0]?.length, 512)
})
