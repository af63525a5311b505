import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemToLine } from '../../core/problem.ts'
import type { Layer } from '../../core/resource.ts'
import type { ResourceDelta, StoredResource } from '../../core/store.ts'
import type { JsonObject } from '../../lib/json.ts'
import { DatabaseSource } from './source.ts'

function row(
  name: string,
  revision: number,
  spec: JsonObject = { name },
  more: Partial<StoredResource> = {},
): StoredResource {
  const by = { createdBy: 'u', updatedBy: 'u' }
  return { kind: 'deployment', name, spec, revision, deleted: false, createdAt: 1, updatedAt: revision, ...by, ...more }
}

/** A store that answers what the test lays down, in order. */
function play(...answers: (ResourceDelta | Error)[]) {
  const asked: number[] = []
  const health = { up: true, since: 0, reason: undefined as string | undefined }
  const source = new DatabaseSource({
    identity: 'test',
    kinds: new Set(['deployment', 'alias']),
    store: {
      health,
      async readResources(after) {
        asked.push(after)
        const answer = answers.shift()
        if (answer === undefined) throw new Error('nothing more to read')
        if (answer instanceof Error) throw answer
        return answer
      },
    },
  })
  return { source, asked, health }
}

function delta(revision: number, resources: readonly StoredResource[], whole = false): ResourceDelta {
  return { head: { revision, resourceRevision: revision }, resources, whole }
}

const troubleOf = (source: DatabaseSource) => source.trouble
const names = (layer: Layer | undefined) => layer?.resources.map(({ name }) => name)

test('it reads on from where it was, and what did not change is the same object', async () => {
  const { source, asked } = play(
    delta(2, [row('a', 1), row('b', 2)], true),
    delta(4, [row('c', 3), row('b', 4, {}, { deleted: true })]),
    delta(5, [row('a', 5, { name: 'a' })]),
  )
  const first = await source.refresh()
  assert.deepEqual(names(first), ['a', 'b'])
  const second = await source.refresh()
  assert.deepEqual(names(second), ['a', 'c'])
  assert.equal(second?.resources[0], first?.resources[0])
  const third = await source.refresh()
  assert.equal(third?.resources[0], first?.resources[0], 'a row that was written again with the same content')
  assert.deepEqual(asked, [0, 2, 4])
  assert.equal(third?.revision, 5)
  assert.equal(third?.acceptance, 'rows')
})

test('the order of fields makes no other content, the order of rows is that of their creation', async () => {
  const one = play(
    delta(
      2,
      [row('b', 1, { x: 1, y: [1, { q: null, p: 2 }] }, { createdAt: 5 }), row('a', 2, {}, { createdAt: 7 })],
      true,
    ),
  )
  const two = play(
    delta(
      2,
      [row('a', 2, {}, { createdAt: 7 }), row('b', 1, { y: [1, { p: 2, q: null }], x: 1 }, { createdAt: 5 })],
      true,
    ),
  )
  const [first, second] = [await one.source.refresh(), await two.source.refresh()]
  assert.deepEqual(names(first), ['b', 'a'])
  assert.deepEqual(
    first?.resources.map(({ hash }) => hash),
    second?.resources.map(({ hash }) => hash),
  )
})

test('a store that is away offers nothing and is named; what was read stays', async () => {
  const { source, health } = play(new Error('connection refused'), delta(1, [row('a', 1)], true), new Error('gone'))
  const offered: Layer[] = []
  await source.start((layer) => offered.push(layer))
  assert.deepEqual(offered, [])
  assert.equal(
    source.trouble && problemToLine(source.trouble),
    'database warning: the store does not answer: connection refused (what was read of it last goes on serving; changes by API are refused until it answers)',
  )
  assert.equal(source.trouble?.code, 'store_away')
  assert.deepEqual(names(await source.refresh()), ['a'])
  assert.equal(troubleOf(source), undefined)
  assert.deepEqual(names(await source.refresh()), ['a'])
  assert.equal(troubleOf(source)?.code, 'store_away')
  health.up = false
  health.reason = 'timeout'
  assert.match(troubleOf(source)?.message ?? '', /timeout/)
})

test('a row that cannot be opened, or of an unknown kind, is named and left out; one that was read before stays', async () => {
  const sealed = { unreadable: 'it was sealed with another key' }
  const { source } = play(
    delta(1, [row('a', 1), row('b', 1, {}, sealed)], true),
    delta(2, [row('a', 2, {}, sealed), { ...row('r', 2), kind: 'guardrail' as never }]),
  )
  const first = await source.refresh()
  assert.deepEqual(names(first), ['a'])
  assert.deepEqual(first?.problems.map(problemToLine), [
    'database error deployment[b]: the stored deployment `b` cannot be read: it was sealed with another key (it serves as it was last read, or not at all; all other rows are not concerned)',
  ])
  const second = await source.refresh()
  assert.deepEqual(names(second), ['a'])
  assert.deepEqual(
    second?.problems.map(({ code, path }) => [code, path]),
    [
      ['row_unreadable', 'deployment[a]'],
      ['row_unreadable', 'deployment[b]'],
      ['row_unreadable', 'guardrail[r]'],
    ],
  )
})

test('a restored backup is read whole and counts although its revision is lower', async () => {
  const { source } = play(delta(9, [row('a', 3), row('b', 9)], true), delta(5, [row('a', 3), row('c', 5)], true))
  const before = await source.refresh()
  const after = await source.refresh()
  assert.deepEqual(names(after), ['a', 'c'])
  assert.equal(source.head.revision, 5)
  assert.equal(after?.revision, undefined, 'no number that is lower than the one before')
  assert.notEqual(after?.version, before?.version)
})

test('a draft is the layer with its writes; what was committed is known without reading it', async () => {
  const { source, asked } = play(delta(1, [row('a', 1), row('b', 1)], true))
  await source.refresh()
  const draft = source.draft([
    { kind: 'deployment', name: 'c', spec: { name: 'c' } },
    { kind: 'deployment', name: 'a', spec: undefined },
  ])
  assert.deepEqual(names(draft), ['b', 'c'])
  assert.deepEqual(source.stored('deployment', 'c'), undefined, 'a draft changes nothing')
  const rows = [row('c', 2, { name: 'c' }, { createdAt: 2 }), row('a', 2, {}, { deleted: true })]
  const layer = source.committed(rows, { revision: 2, resourceRevision: 2 })
  assert.deepEqual(names(layer), ['b', 'c'])
  assert.equal(layer.revision, 2)
  assert.equal(source.head.revision, 2)
  assert.equal(asked.length, 1)
})
