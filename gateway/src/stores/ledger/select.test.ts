import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settledCall } from '../../../test/settled-calls.ts'
import type { CallQuery } from '../../core/ledger/ledger.ts'
import { lineOf } from '../../core/ledger/row.ts'
import type { SettledCall } from '../../core/ledger/settled-call.ts'
import { Selection } from './select.ts'

function linesOf(calls: readonly SettledCall[]): string {
  return calls.map((call) => `${lineOf({ call, charges: [] })}\n`).join('')
}

function found(lines: string, query: Partial<CallQuery>): readonly string[] {
  const selection = new Selection({ limit: 10, ascending: true, ...query }, 10)
  selection.read(lines)
  assert.equal(selection.matched, selection.best.rows.length)
  return selection.best.rows.map(({ id }) => id)
}

const odd = [
  'plain',
  'two "words"',
  'back\\slash',
  'line\nend',
  'größer 😀',
  '\u2028',
  '\ufeff',
  '["a"]',
  'a","b',
  '<\u007f>',
]

test('a filter finds whatever text its rows have, and no text that only looks like it', () => {
  const { holders } = settledCall()
  const lines = linesOf(odd.map((text, n) => settledCall({ id: `${n}`, holders: { ...holders, keyAlias: text } })))
  for (const [n, text] of odd.entries()) assert.deepEqual(found(lines, { keyAlias: text }), [`${n}`], text)
  for (const text of ['b', 'a', 'slash', 'words"', '\\', '"', '\n'])
    assert.deepEqual(found(lines, { keyAlias: text }), [])
})

test('an empty filter asks for rows that have nothing there', () => {
  const { holders } = settledCall()
  const lines = linesOf([
    settledCall({ id: '1' }),
    settledCall({ id: '2', holders: { ...holders, team: 'a' }, errorCode: 'timeout', status: 504 }),
  ])
  assert.deepEqual(found(lines, { team: '' }), ['1'])
  assert.deepEqual(found(lines, { error: '', modelGroup: 'gpt' }), ['1'])
  assert.deepEqual(found(lines, { team: 'a', error: 'timeout' }), ['2'])
})

test('a text that stands in another cell of a row is not found in this one', () => {
  const lines = linesOf([settledCall({ id: '1', requestedModel: 'ann' }), settledCall({ id: '2', tags: ['ann'] })])
  assert.deepEqual(found(lines, { user: 'ann' }), [])
})

test('a line without an end, and lines that are no rows, are passed over', () => {
  const line = linesOf([settledCall({ id: '1' })])
  assert.deepEqual(found(`${line}${line.trimEnd()}`, { modelGroup: 'gpt' }), ['1'])
  assert.deepEqual(found(`"gpt"\n["gpt"]\n${line}`, { modelGroup: 'gpt' }), ['1'])
})

test('calls of one moment are in the order of their ids, in both directions and behind a cursor', () => {
  const lines = linesOf(['c', 'a', 'b'].map((id) => settledCall({ id, startedAt: 5 })))
  assert.deepEqual(found(lines, {}), ['a', 'b', 'c'])
  assert.deepEqual(found(lines, { ascending: false }), ['c', 'b', 'a'])
  assert.deepEqual(found(lines, { after: { startedAt: 5, id: 'a' } }), ['b', 'c'])
})
