import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountedPools, layerOf, model, PlayedInputs } from '../../test/control-plane.ts'
import { StoredRows } from '../../test/stored-rows.ts'
import { problemToLine } from '../core/problem.ts'
import type { Layer } from '../core/resource.ts'
import type { JsonObject } from '../lib/json.ts'
import { kinds } from './kinds/index.ts'
import { prepare } from './prepare.ts'
import type { Outcome, Prepared, Workshop } from './prepared.ts'
import { UsagePool } from './usage-pool.ts'

function createBench() {
  const pools = new CountedPools()
  const pool = new UsagePool((key, error) => assert.fail(`${key}: ${String(error)}`))
  const inputs = new PlayedInputs({ 'env:KEY': 'sk-of-the-environment' })
  return { workshop: { inputs, pool, openPool: pools.openPool } satisfies Workshop, pools, pool, inputs }
}

function accepted(outcome: Outcome): Prepared {
  if (outcome.accepted) return outcome.prepared
  assert.fail(linesOf(outcome.problems).join('\n'))
}

function linesOf(problems: Prepared['problems']): readonly string[] {
  return Array.from(problems.values()).flat().map(problemToLine).sort()
}

/** Everything that can be seen of it. */
function shown(prepared: Prepared) {
  const { models, declared } = prepared
  const groups = new Set([...models.names, ...prepared.deployments.keys(), 'gpt-4o', 'stored-3/x', 'nothing'])
  return {
    hash: prepared.hash,
    names: models.names,
    wildcards: models.wildcards,
    deployments: [...prepared.deployments.keys()],
    groups: Array.from(groups, (name) => {
      const found = models.resolve(name)
      return [name, found?.wildcard, found?.group.blocked, found?.group.deployments.map(({ id }) => id)]
    }),
    declared: declared.kinds.map((kind) =>
      Array.from(declared.names(kind), (name) => [name, declared.get(kind, name)?.spec]),
    ),
    entries: kinds.map(({ name }) => [...prepared.entries[name].values()].map(({ hash }) => hash)),
    problems: linesOf(prepared.problems),
    tolerated: prepared.tolerated.map(problemToLine).sort(),
  }
}

/** Nothing but the deployments was made anew. */
function isAmended(prepared: Prepared, previous: Prepared): boolean {
  return prepared.entries.credential === previous.entries.credential
}

function originsOf(all: Iterable<Prepared>): readonly string[] {
  const origins = new Set<string>()
  for (const { entries } of all)
    for (const { value } of entries.deployment.values()) origins.add(value.deployment.pool.origin)
  return [...origins].sort()
}

const plain = layerOf({ models: [model('declared', 'declared'), model('stored-1', 'another-1')] })
const file = layerOf({
  models: [model('declared', 'declared'), model('stored-1', 'another-1')],
  aliases: [
    { name: 'short', spec: { model: 'stored-2' } },
    { name: 'stored-5', spec: { model: 'declared' } },
  ],
  settings: { router_settings: { fallbacks: [{ declared: ['stored-3'] }] } },
})

function specOf(random: (below: number) => number): JsonObject {
  const base = { api_base: `http://127.0.0.1:${1 + random(6)}` }
  const name = `stored-${random(8)}`
  switch (random(9)) {
    case 0:
      return model(name, '', { ...base, model: 'nobody/knows' })
    case 1:
      return model(name, '', { ...base, api_key: 'os.environ/KEY' })
    case 2:
      return model(name, '', { ...base, api_key: 'os.environ/MISSING' })
    case 3:
      return model(`${name}/*`, '', { ...base, model: 'openai/*' })
    case 4:
      return model(name, '', { ...base, litellm_credential_name: 'nobody' })
    case 5:
      return { ...model(name, '', base), blocked: true }
    case 6:
      return model(name, '', { ...base, model: 'openai/gpt-4o', unheard_of: 1, order: random(3) })
    default:
      return model(name, '', base)
  }
}

test('what changed a few rows is what a build of the whole makes of them, and nothing else is opened or kept open', async () => {
  let seed = 11
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const { workshop, pools, pool } = createBench()
  const rows = new StoredRows()
  for (let n = 0; n < 6; n += 1) rows.write('deployment', `row-${n}`, model(`stored-${n}`, ''))
  // As a change of rows is tried: what is wrong with the file then is not its fault.
  const tolerant = new Set([file.source])
  let serving = accepted(await prepare([file, await rows.layer()], undefined, workshop, { tolerant, inputsAt: 1 }))
  const used = new Set([serving])
  let amended = 0
  let refused = 0
  for (let step = 0; step < 250; step += 1) {
    for (let changes = random(3); changes >= 0; changes -= 1) {
      const name = `row-${random(12)}`
      rows.write('deployment', name, random(3) === 0 ? undefined : specOf(random))
    }
    const layers = [file, await rows.layer()]
    const how = random(3) === 0 ? {} : { tolerant }
    const outcome = await prepare(layers, serving, workshop, { ...how, inputsAt: 1 })
    const expected = await prepare(layers, serving, workshop, how)
    assert.equal(outcome.accepted, expected.accepted)
    if (!outcome.accepted || !expected.accepted) {
      assert.deepEqual(
        linesOf(outcome.accepted ? new Map() : outcome.problems),
        linesOf(expected.accepted ? new Map() : expected.problems),
      )
      refused += 1
      await pool.closed()
      assert.deepEqual(pools.origins, originsOf(used), `step ${step}`)
      continue
    }
    const { prepared: next } = outcome
    const { prepared: whole } = expected
    assert.deepEqual(shown(next), shown(whole), `step ${step}`)
    assert.equal(next.changed, next.hash !== serving.hash || next.compiled > 0)
    whole.release()
    if (isAmended(next, serving)) amended += 1
    if (random(5) === 0) {
      next.release()
    } else {
      next.holding.succeed()
      used.add(next)
      // Calls that take long hold older ones.
      for (const each of used) {
        if (each === next || random(3) !== 0) continue
        each.release()
        used.delete(each)
      }
      serving = next
    }
    await pool.closed()
    assert.deepEqual(pools.origins, originsOf(used), `step ${step}`)
  }
  assert.ok(amended > 100, `${amended} of 250 were amended`)
  assert.ok(refused > 20, `${refused} of 250 were refused`)
  for (const each of used) each.release()
  await pool.closed()
  assert.deepEqual(pools.origins, [])
})

test('a draft is amended, and so is what comes after it was committed', async () => {
  const { workshop } = createBench()
  const rows = new StoredRows()
  rows.write('deployment', 'a', model('a', ''))
  const first = accepted(await prepare([plain, await rows.layer()], undefined, workshop, { inputsAt: 1 }))
  const spec = model('b', '')
  const draft = rows.source.draft([{ kind: 'deployment', name: 'b', spec }])
  const second = accepted(await prepare([plain, draft], first, workshop, { inputsAt: 1 }))
  assert.ok(isAmended(second, first))
  assert.deepEqual([second.compiled, second.changed], [1, true])
  rows.source.committed([rows.write('deployment', 'b', spec)], rows.head)
  rows.write('deployment', 'c', model('c', ''))
  const third = accepted(await prepare([plain, await rows.layer()], second, workshop, { inputsAt: 1 }))
  assert.ok(isAmended(third, second))
  assert.equal(third.compiled, 1)
  assert.deepEqual(third.models.names.slice(-2), ['b', 'c'])
  const same = accepted(await prepare([plain, await rows.layer()], third, workshop, { inputsAt: 1 }))
  assert.deepEqual([same.compiled, same.changed], [0, false])
})

test('where more than stored deployments has changed, the whole is built', async () => {
  const { workshop, inputs } = createBench()
  const rows = new StoredRows()
  rows.write('deployment', 'a', model('a', '', { api_key: 'os.environ/KEY' }))
  const read = async (): Promise<readonly Layer[]> => [plain, await rows.layer()]
  const first = accepted(await prepare(await read(), undefined, workshop, { inputsAt: 1 }))
  const after = async (previous: Prepared, layers: readonly Layer[], inputsAt: number) => {
    const next = accepted(await prepare(layers, previous, workshop, { inputsAt }))
    return isAmended(next, previous)
  }
  assert.equal(await after(first, await read(), 1), true)
  assert.equal(await after(first, await read(), 2), false, 'an input has changed')
  assert.equal(await after(first, [{ ...plain }, await rows.layer()], 1), false, 'the file was read again')
  rows.write('deployment', 'declared', model('declared', ''))
  assert.equal(await after(first, await read(), 1), false, 'the file declares it too')
  rows.write('deployment', 'declared', undefined)
  const second = accepted(await prepare(await read(), first, workshop, { inputsAt: 2 }))
  rows.write('alias', 'alias', { model: 'a' })
  assert.equal(await after(second, await read(), 2), false, 'another kind')
  const third = accepted(await prepare(await read(), second, workshop, { inputsAt: 2 }))
  inputs.set('env:KEY', 'sk-rotated')
  rows.write('deployment', 'b', model('b', '', { api_key: 'os.environ/KEY' }))
  assert.equal(await after(third, await read(), 2), false, 'an input was rotated, and it is not told yet')
  rows.write('deployment', 'b', undefined)
  rows.write('deployment', 'first', model('first', ''), -1)
  const fourth = accepted(await prepare(await read(), third, workshop, { inputsAt: 2 }))
  assert.deepEqual([...fourth.deployments.keys()], ['declared', 'another-1', 'first', 'a'], 'in the order of creation')
})
