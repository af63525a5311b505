import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountedPools, type Declaration, layerOf, model, PlayedInputs } from '../../test/control-plane.ts'
import type { NameIndex } from './model-index.ts'
import { prepare } from './prepare.ts'
import { UsagePool } from './usage-pool.ts'

async function indexOf(declaration: Declaration): Promise<NameIndex> {
  const outcome = await prepare([layerOf(declaration)], undefined, {
    inputs: new PlayedInputs(),
    pool: new UsagePool(() => {}),
    openPool: new CountedPools().openPool,
  })
  if (outcome.accepted) return outcome.prepared.models
  throw new Error(JSON.stringify([...outcome.problems]))
}

/** Ids of the deployments behind a name, and what its `*` matched. */
function found(index: NameIndex, name: string): readonly (string | undefined)[] | undefined {
  const resolution = index.resolve(name)
  return resolution && [...resolution.group.deployments.map(({ id }) => id), resolution.wildcard]
}

const wildcard = (name: string, id: string, upstream = 'openai/*') => model(name, id, { model: upstream })

test('a name means its group, sorted by order and then by id', async () => {
  const index = await indexOf({
    models: [model('gpt', 'c'), model('gpt', 'b', { order: 2 }), model('gpt', 'a'), model('gpt', 'd', { order: 1 })],
  })
  assert.deepEqual(found(index, 'gpt'), ['d', 'b', 'a', 'c', undefined])
  assert.equal(index.resolve('gpt'), index.resolve('gpt'))
  assert.equal(index.resolve('GPT'), undefined)
  assert.equal(index.resolve(''), undefined)
})

test('an id means its deployment alone, under the name of its group', async () => {
  const index = await indexOf({ models: [model('gpt', 'a'), model('gpt', 'b')] })
  assert.deepEqual(found(index, 'b'), ['b', undefined])
  assert.equal(index.resolve('b')?.group.name, 'gpt')
})

test('the most specific pattern wins: longest literal start, then longest literal', async () => {
  const index = await indexOf({
    models: [
      wildcard('*', 'any'),
      wildcard('openai/*', 'openai'),
      wildcard('openai/gpt-*', 'gpt'),
      wildcard('openai/gpt-*-mini', 'mini'),
      model('openai/gpt-4o', 'exact'),
    ],
  })
  assert.deepEqual(found(index, 'openai/gpt-4o'), ['exact', undefined])
  assert.deepEqual(found(index, 'openai/gpt-5-mini'), ['mini', '5'])
  assert.deepEqual(found(index, 'openai/gpt-5'), ['gpt', '5'])
  assert.deepEqual(found(index, 'openai/o3'), ['openai', 'o3'])
  assert.deepEqual(found(index, 'something/else'), ['any', 'something/else'])
  assert.deepEqual(found(index, 'openai/'), ['openai', ''])
  assert.deepEqual(index.wildcards, ['openai/gpt-*-mini', 'openai/gpt-*', 'openai/*', '*'])
  assert.deepEqual(index.names, ['openai/gpt-4o', '*', 'openai/*', 'openai/gpt-*', 'openai/gpt-*-mini'])
})

test('the literal ends of a pattern do not overlap', async () => {
  const index = await indexOf({ models: [wildcard('ab*ba', 'x')] })
  assert.equal(index.resolve('aba'), undefined)
  assert.deepEqual(found(index, 'abba'), ['x', ''])
})

test('a wildcard deployment cannot be called by its id, because it has no model of its own', async () => {
  const index = await indexOf({ models: [wildcard('openai/*', 'w')] })
  assert.equal(index.resolve('w'), undefined)
  assert.equal(index.resolve('openai/*')?.wildcard, '*')
})

test('a provider model name is the last resort', async () => {
  const index = await indexOf({
    models: [
      model('fast', 'a', { model: 'openai/gpt-4o-mini' }),
      model('cheap', 'b', { model: 'openai/gpt-4o-mini' }),
      model('bare', 'c', { model: 'gpt-4.1' }),
    ],
  })
  assert.deepEqual(found(index, 'openai/gpt-4o-mini'), ['a', 'b', undefined])
  assert.deepEqual(found(index, 'gpt-4.1'), ['c', undefined])
  assert.equal(index.resolve('gpt-4o-mini'), undefined)
})

test('an alias means its model; it is listed unless hidden', async () => {
  const index = await indexOf({
    models: [model('gpt', 'a'), wildcard('openai/*', 'w')],
    aliases: [
      { name: 'short', spec: { model: 'gpt' } },
      { name: 'secret', spec: { model: 'gpt', hidden: true } },
      { name: 'wild', spec: { model: 'openai/o3' } },
      { name: 'chained', spec: { model: 'short' } },
    ],
  })
  assert.equal(index.resolve('short'), index.resolve('gpt'))
  assert.equal(index.resolve('secret'), index.resolve('gpt'))
  assert.equal(index.resolve('chained'), index.resolve('gpt'))
  assert.deepEqual(found(index, 'wild'), ['w', 'o3'])
  assert.deepEqual(index.names, ['gpt', 'short', 'wild', 'chained', 'openai/*'])
})

test('a model hides an alias of its name, except one of `model_alias_map`', async () => {
  const index = await indexOf({
    models: [model('old', 'o'), model('new', 'n'), model('kept', 'k')],
    aliases: [
      { name: 'old', spec: { model: 'new', first: true } },
      { name: 'kept', spec: { model: 'new' } },
    ],
  })
  assert.deepEqual(found(index, 'old'), ['n', undefined])
  assert.deepEqual(found(index, 'kept'), ['k', undefined])
  assert.deepEqual(index.names, ['old', 'new', 'kept'])
})

test('callers may ask for any number of names without filling the memory', async () => {
  const index = await indexOf({ models: [wildcard('openai/*', 'w')] })
  const first = index.resolve('openai/o3')
  assert.equal(index.resolve('openai/o3'), first, 'remembered')
  for (let call = 0; call < 2_000; call += 1) {
    assert.deepEqual(found(index, `openai/${call}`), ['w', `${call}`])
    assert.equal(index.resolve(`unknown-${call}`), undefined)
  }
  assert.notEqual(index.resolve('openai/o3'), first, 'forgotten')
  assert.deepEqual(index.resolve('openai/o3'), first)
})

test('an index made from the one before is the index that would be made anew', async () => {
  const workshop = {
    inputs: new PlayedInputs(),
    pool: new UsagePool(() => {}),
    openPool: new CountedPools().openPool,
  }
  const prepared = async (models: Declaration['models'], before?: Awaited<ReturnType<typeof prepare>>) => {
    const aliases = [{ name: 'short', spec: { model: 'a' } }]
    const previous = before?.accepted === true ? before.prepared : undefined
    const outcome = await prepare([layerOf({ models: models ?? [], aliases })], previous, workshop)
    assert.equal(outcome.accepted, true)
    return outcome
  }
  const one = [model('a', '1'), model('b', '2'), model('a', '3'), wildcard('openai/*', 'w')]
  const steps: Declaration['models'][] = [
    [...one, model('c', '4')],
    [...one, model('c', '4'), model('b', '0'), wildcard('x/*', 'v')],
    [model('a', '1', { order: 2 }), ...one.slice(1), model('c', '4')],
    [...one.slice(1), model('c', '4')],
    [model('b', '1'), ...one.slice(1)],
    [one[1] ?? {}, one[0] ?? {}, ...one.slice(2)],
    [model('a', '9')],
    one,
  ]
  let before = await prepared(one)
  for (const models of steps) {
    const next = await prepared(models, before)
    const anew = await prepared(models)
    if (!next.accepted || !anew.accepted) return
    const [index, fresh] = [next.prepared.models, anew.prepared.models]
    assert.deepEqual(index.names, fresh.names)
    assert.deepEqual(index.wildcards, fresh.wildcards)
    assert.deepEqual([...index.deployments.keys()].sort(), [...fresh.deployments.keys()].sort())
    for (const name of ['a', 'b', 'c', '1', '2', '3', '4', '0', 'short', 'openai/a', 'openai/z', 'x/y', 'none']) {
      assert.deepEqual(found(index, name), found(fresh, name), name)
      for (const deployment of index.resolve(name)?.group.deployments ?? []) {
        assert.equal(deployment, next.prepared.deployments.get(deployment.id), 'of this generation')
      }
    }
    before = next
  }
})
