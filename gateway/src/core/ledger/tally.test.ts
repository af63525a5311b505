import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settledCall } from '../../../test/settled-calls.ts'
import { usdToNano } from '../money.ts'
import { cellsIn, lineOf, rowIn } from './row.ts'
import { Tally } from './tally.ts'

const window = { start: 0, end: 10 }
const rows = [
  { tags: [], cost: 5, charges: ['a', 'b'] },
  { tags: [], cost: 7, charges: ['a'] },
  { tags: ['x', 'x', 'y'], cost: 1, charges: ['a'] },
  { tags: [], cost: undefined, charges: [] },
].map(({ tags, cost, charges }, n) => ({
  call: settledCall({
    callId: `call-${n}`,
    startedAt: Date.UTC(2026, 10, 20, 0, 0, n),
    endedAt: 100 + n,
    status: n === 3 ? 502 : 200,
    usage: { inputTokens: n, outputTokens: 10 * n },
    cost: cost === undefined ? undefined : usdToNano(cost),
    tags,
  }),
  charges: charges.map((spender) => ({ spender, window })),
}))

function tallyOf(all: typeof rows): Tally {
  const tally = new Tally()
  for (const row of all) tally.add(row)
  return tally
}

test('calls of the same caller and model are one cell, those with other tags another', () => {
  const { cells, calls, firstAt, lastAt } = tallyOf(rows)
  const [plain, tagged, ...others] = [...cells]
  assert.deepEqual(others, [])
  assert.deepEqual(tagged?.tags, ['x', 'y'])
  assert.equal(tagged?.calls, 1)
  assert.equal(plain?.calls, 3)
  assert.equal(plain?.failed, 1)
  assert.equal(plain?.uncosted, 1)
  assert.equal(plain?.cost, usdToNano(12))
  assert.equal(plain?.outputTokens, 40)
  assert.equal(calls, 4)
  assert.equal(lastAt - firstAt, 3_000)
})

test('a caller who writes U+0000 is not counted as another one', () => {
  const { holders } = settledCall()
  const tally = new Tally()
  const plain = settledCall({ holders: { ...holders, endUser: 'ann' }, providerModel: 'm', tags: ['t', 'u'] })
  const odd = settledCall({ holders: { ...holders, endUser: 'ann' }, providerModel: 'm\0t', tags: ['u'] })
  for (const call of [plain, odd]) tally.add({ call, charges: [] })
  assert.deepEqual(
    [...tally.cells].map(({ providerModel, tags, calls }) => [providerModel, tags, calls]),
    [
      ['m', ['t', 'u'], 1],
      ['m\ufffdt', ['u'], 1],
    ],
  )
})

test('what calls cost is charged to each of their spenders', () => {
  const { spends } = tallyOf(rows)
  assert.deepEqual(
    [...spends.entries()],
    [
      { spender: 'a', window, amount: usdToNano(13), at: 102 },
      { spender: 'b', window, amount: usdToNano(5), at: 100 },
    ],
  )
})

test('a tally made of lines is the tally that was kept while they were written', () => {
  const read = rows.map((row) => rowIn(cellsIn(lineOf(row)) ?? []))
  const [kept, made] = [tallyOf(rows), tallyOf(read as typeof rows)]
  assert.deepEqual([...made.cells], [...kept.cells])
  assert.deepEqual([...made.spends.entries()], [...kept.spends.entries()])
  assert.deepEqual(made.callIds, kept.callIds)
})
