import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problem } from '../core/problem.ts'
import type { Store } from '../core/store.ts'
import type { Turn } from './reconciler.ts'
import { RefusalJournal } from './refusal-journal.ts'

const where = { origin: 'config.yaml:3:5', path: 'model_list[0]' }

function refused(key: string): Turn {
  return { type: 'refused', problems: [problem('key_missing', where, { key })], sources: ['file'], durationMs: 1 }
}

test('each refusal is kept once, until something else comes', () => {
  const kept: string[] = []
  const health = { up: true, since: 0, reason: undefined }
  const recordRefusal: Store['recordRefusal'] = async (actor, _alterations, problems) => {
    kept.push(`${actor.id}: ${problems[0]?.message}`)
  }
  const journal = new RefusalJournal({ health, recordRefusal }, (error) => assert.fail(String(error)))
  journal.onTurn(refused('a'))
  journal.onTurn(refused('a'))
  journal.onTurn(refused('b'))
  assert.deepEqual(kept, ['file: `a` is required', 'file: `b` is required'])
})

test('while the store is away nothing is kept, and a failure is told', async () => {
  const failures: unknown[] = []
  const health = { up: false, since: 0, reason: 'away' }
  const recordRefusal: Store['recordRefusal'] = () => Promise.reject(new Error('gone'))
  new RefusalJournal({ health, recordRefusal }, (error: unknown) => failures.push(error)).onTurn(refused('a'))
  assert.equal(failures.length, 0)
  new RefusalJournal({ health: { ...health, up: true }, recordRefusal }, (error: unknown) =>
    failures.push(error),
  ).onTurn(refused('a'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.match(String(failures), /gone/)
})
