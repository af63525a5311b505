import assert from 'node:assert/strict'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CountedPools,
  type Declaration,
  layerOf,
  model,
  models,
  PlayedInputs,
  PlayedSource,
} from '../../test/control-plane.ts'
import { until } from '../../test/replica.ts'
import { scratchDirectory } from '../../test/scratch.ts'
import { problem, problemToLine } from '../core/problem.ts'
import type { Verdict } from '../core/resource.ts'
import { systemClock } from '../lib/clock.ts'
import type { UpstreamPool } from '../lib/http-client.ts'
import { createReconciler } from './reconcile.ts'
import type { Reconciler, Turn } from './reconciler.ts'
import { Slot } from './slot.ts'
import type { Snapshot } from './snapshot.ts'

interface Plane {
  readonly reconciler: Reconciler
  readonly slot: Slot
  readonly source: PlayedSource
  readonly inputs: PlayedInputs
  readonly pools: CountedPools
  readonly turns: Turn[]
  readonly published: Snapshot[]
  offer(declaration: Declaration): void
  /** Waits until the loop has nothing to do. */
  settle(): Promise<void>
}

interface PlaneOptions {
  readonly declaration?: Declaration
  readonly others?: readonly { readonly source: PlayedSource; readonly required: boolean }[]
  readonly inputs?: PlayedInputs
  readonly dataDirectory?: string
  readonly openPool?: (pools: CountedPools) => (origin: string) => UpstreamPool
}

function createPlane(context: TestContext, options: PlaneOptions = {}): Plane {
  const source = new PlayedSource(layerOf(options.declaration ?? {}))
  const inputs = options.inputs ?? new PlayedInputs()
  const pools = new CountedPools()
  const slot = new Slot()
  const turns: Turn[] = []
  const published: Snapshot[] = []
  const reconciler = createReconciler({
    sources: [{ source, required: true }, ...(options.others ?? [])],
    inputs,
    slot,
    openPool: options.openPool?.(pools) ?? pools.openPool,
    dataDirectory: options.dataDirectory,
    clock: systemClock,
    retain: (snapshot) => published.push(snapshot),
    onTurn: (turn) => turns.push(turn),
    onUnexpected: () => {},
  })
  context.after(async () => {
    await reconciler.stop()
    assert.deepEqual(pools.origins, [], 'every pool is closed')
    assert.deepEqual(slot.draining, [], 'every lease is disposed')
  })
  return {
    reconciler,
    slot,
    source,
    inputs,
    pools,
    turns,
    published,
    offer: (declaration) => source.offer(layerOf(declaration)),
    settle: async () => {
      // Longer than the longest gap between two turns of a storm; then every turn has begun, and this one waits for the last.
      await sleep(500)
      await reconciler.pull('nothing')
    },
  }
}

function lines({ problems }: Pick<Verdict, 'problems'>): string[] {
  return problems.map(problemToLine)
}

/** The state as one would tell it over the phone. */
function told(plane: Plane): readonly [state: string, revision: number, generation: number, names: readonly string[]] {
  const { state, revision, generation } = plane.reconciler.status()
  return [state, revision, generation, plane.slot.current?.models.names ?? []]
}

const unreadable = [
  problem('file_unreadable', { origin: 'config.yaml', path: '' }, { file: 'config.yaml', reason: 'ENOENT' }),
]

describe('the reconcile loop', { concurrency: true }, () => {
  test('starts with the first revision and generation, and an edit is live with the next', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1')] } })
    assert.deepEqual(plane.reconciler.status().state, 'never-loaded')
    assert.deepEqual(await plane.reconciler.start(), { applied: true, revision: 1, generation: 1, problems: [] })
    plane.offer({ models: [model('a', '1'), model('b', '2')] })
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 2, 2, ['a', 'b']])
  })

  test('skips an identical layer', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1')] } })
    await plane.reconciler.start()
    plane.offer({ models: [model('a', '1')] })
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 1, 1, ['a']])
    assert.equal(plane.turns.length, 1)
  })

  test('another version of the same content is no new revision, only new places', async (context) => {
    const declaration = { models: [model('a', '1', { region_name: 'eu' })] }
    const plane = createPlane(context, { declaration })
    await plane.reconciler.start()
    plane.offer({ ...declaration, line: 30 })
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 1, 1, ['a']])
    const { problems, sources } = plane.reconciler.status()
    assert.match(lines({ problems })[0] ?? '', /^config\.yaml:30:/)
    assert.equal(sources[0]?.version, sources[0]?.appliedVersion)
  })

  test('applies A→B→A when it flaps', async (context) => {
    const [a, b] = [{ models: [model('a', '1')] }, { models: [model('b', '2')] }]
    const plane = createPlane(context, { declaration: a })
    await plane.reconciler.start()
    plane.offer(b)
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 2, 2, ['b']])
    plane.offer(a)
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 3, 3, ['a']])
    plane.offer(b)
    plane.offer(a)
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 3, 3, ['a']])
  })

  test('waits for required sources, and not for others', async (context) => {
    const other = new PlayedSource(layerOf({ models: [model('b', '2')] }, 'database'))
    let release = (): void => {}
    const opened = new Promise<void>((resolve) => {
      release = resolve
    })
    const start = other.start.bind(other)
    other.start = async (offer) => {
      await opened
      await start(offer)
    }
    const plane = createPlane(context, {
      declaration: { models: [model('a', '1')] },
      others: [{ source: other, required: true }],
    })
    const started = plane.reconciler.start()
    await sleep(50)
    assert.deepEqual(told(plane), ['never-loaded', 0, 0, []])
    release()
    assert.equal((await started).applied, true)
    assert.deepEqual(told(plane), ['synced', 1, 1, ['a', 'b']])
  })

  test('a required source that has not spoken holds back the others, and last good serves', async (context) => {
    const dataDirectory = scratchDirectory()
    await acceptAndStop(dataDirectory, { models: [model('a', '1')] })
    const source = new PlayedSource(layerOf({}))
    source.start = async () => {}
    const other = new PlayedSource(layerOf({ models: [model('b', '2')] }, 'database'))
    const slot = new Slot()
    const reconciler = createReconciler({
      sources: [
        { source, required: true },
        { source: other, required: false },
      ],
      inputs: new PlayedInputs(),
      slot,
      openPool: new CountedPools().openPool,
      dataDirectory,
      clock: systemClock,
    })
    context.after(() => reconciler.stop())
    assert.equal((await reconciler.start()).applied, false)
    assert.equal(reconciler.status().state, 'degraded')
    assert.deepEqual(slot.current?.models.names, ['a'])
  })

  test('a source that fails keeps its last layer, while the others go on', async (context) => {
    const other = new PlayedSource(layerOf({ models: [model('b', '2')] }, 'database'))
    const plane = createPlane(context, {
      declaration: { models: [model('a', '1')] },
      others: [{ source: other, required: false }],
    })
    await plane.reconciler.start()
    plane.offer({ problems: unreadable })
    await plane.settle()
    assert.deepEqual(told(plane), ['refused', 1, 1, ['a', 'b']])
    other.offer(layerOf({ models: [model('c', '3')] }, 'database'))
    await plane.settle()
    assert.deepEqual(told(plane), ['refused', 2, 2, ['a', 'c']])
    assert.deepEqual(
      plane.reconciler.status().sources.map(({ name, version, appliedVersion }) => [name, version === appliedVersion]),
      [
        ['config.yaml', false],
        ['database', true],
      ],
    )
  })

  test('a refused layer does not hold up the change that another source offers with it', async (context) => {
    const other = new PlayedSource(layerOf({ models: [model('b', '2')] }, 'database'))
    const plane = createPlane(context, {
      declaration: { models: [model('a', '1')] },
      others: [{ source: other, required: false }],
    })
    await plane.reconciler.start()
    plane.offer({ models: [model('x', '9', { timeout: 'fast' })] })
    other.offer(layerOf({ models: [model('c', '3')] }, 'database'))
    await plane.settle()
    assert.deepEqual(told(plane), ['refused', 2, 2, ['a', 'c']])
  })

  test('an empty layer deletes; a layer that is only a problem does not', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1')] } })
    await plane.reconciler.start()
    plane.offer({ problems: [problem('file_empty', { origin: 'config.yaml', path: '' }, { file: 'config.yaml' })] })
    await plane.settle()
    assert.deepEqual(told(plane), ['refused', 1, 1, ['a']])
    plane.offer({})
    await plane.settle()
    assert.deepEqual(told(plane), ['empty', 2, 2, []])
  })

  test('an invalid layer is refused whole: last good serves, and the status says why and since when', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1')] } })
    await plane.reconciler.start()
    const before = Date.now()
    plane.offer({ models: [model('a', '1', { timeout: 'fast' }), model('b', '2')] })
    await plane.settle()
    const status = plane.reconciler.status()
    assert.deepEqual(told(plane), ['refused', 1, 1, ['a']])
    assert.deepEqual(lines(status), [
      'config.yaml:1:23 error model_list[0].litellm_params.timeout: expected a number of seconds above 0, found "fast"',
    ])
    assert.deepEqual(status.sources[0]?.problems, status.problems)
    assert.ok(status.servingStaleSince !== undefined && status.servingStaleSince >= before)
    const [, refused] = plane.turns
    assert.ok(refused?.type === 'refused')
    assert.deepEqual(refused.sources, ['config.yaml'])
    plane.offer({ models: [model('a', '1', { timeout: 30 }), model('b', '2')] })
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 2, 2, ['a', 'b']])
    assert.deepEqual([plane.reconciler.status().problems, plane.reconciler.status().servingStaleSince], [[], undefined])
  })

  test('going back to what serves ends a refusal without a new generation', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1')] } })
    await plane.reconciler.start()
    plane.offer({ models: [model('a', '1', { timeout: 'fast' })] })
    await plane.settle()
    plane.offer({ models: [model('a', '1')] })
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 1, 1, ['a']])
    assert.deepEqual(plane.reconciler.status().problems, [])
    assert.deepEqual(
      plane.turns.map(({ type }) => type),
      ['accepted', 'refused', 'recovered'],
    )
  })

  test('a layer that was refused is not built again until it or an input changes', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1')] } })
    await plane.reconciler.start()
    const bad = { models: [model('b', '2', { timeout: 'fast' })] }
    plane.offer(bad)
    await plane.settle()
    plane.offer(bad)
    await plane.settle()
    assert.equal(plane.turns.filter(({ type }) => type === 'refused').length, 1)
  })

  test('at the first start an invalid layer is refused and nothing serves, until it is repaired', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1', { api_key: 'os.environ/NOPE' })] } })
    const verdict = await plane.reconciler.start()
    assert.deepEqual([verdict.applied, verdict.revision, verdict.generation], [false, 0, 0])
    assert.match(lines(verdict)[0] ?? '', /the environment variable NOPE is not set/)
    assert.deepEqual(told(plane), ['refused', 0, 0, []])
    assert.equal(plane.slot.acquire(), undefined)
    assert.deepEqual(plane.inputs.retained, new Set(['env:NOPE']))
    plane.inputs.set('env:NOPE', 'sk-now')
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 1, 1, ['a']])
  })

  test('a secret that vanishes refuses the layer, the served key goes on, and its return is applied', async (context) => {
    const inputs = new PlayedInputs({ 'file:/run/key': 'sk-1' })
    const plane = createPlane(context, {
      declaration: { models: [model('a', '1', { api_key: 'file:/run/key' })] },
      inputs,
    })
    await plane.reconciler.start()
    inputs.set('file:/run/key', undefined)
    await plane.settle()
    assert.deepEqual(told(plane), ['refused', 1, 1, ['a']])
    assert.ok(inputs.retained.has('file:/run/key'))
    inputs.set('file:/run/key', 'sk-2')
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 2, 2, ['a']])
  })

  test('what a refused layer waits for is still watched after another source has changed', async (context) => {
    const other = new PlayedSource(layerOf({ models: [model('b', '2')] }, 'database'))
    const plane = createPlane(context, {
      declaration: { models: [model('a', '1')] },
      others: [{ source: other, required: false }],
    })
    await plane.reconciler.start()
    plane.offer({ models: [model('a', '1', { api_key: 'os.environ/LATE' })] })
    await plane.settle()
    other.offer(layerOf({ models: [model('c', '3')] }, 'database'))
    await plane.settle()
    assert.deepEqual(told(plane), ['refused', 2, 2, ['a', 'c']])
    assert.ok(plane.inputs.retained.has('env:LATE'))
    plane.inputs.set('env:LATE', 'sk-late')
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 3, 3, ['a', 'c']])
  })

  test('a layer that names a model of another source is accepted when that one declares it', async (context) => {
    const other = new PlayedSource(layerOf({}, 'database'))
    const plane = createPlane(context, {
      declaration: { models: [model('a', '1')] },
      others: [{ source: other, required: false }],
    })
    await plane.reconciler.start()
    plane.offer({ models: [model('a', '1')], aliases: [{ name: 'short', spec: { model: 'b' } }] })
    await plane.settle()
    assert.deepEqual(told(plane), ['refused', 1, 1, ['a']])
    other.offer(layerOf({ models: [model('b', '2')] }, 'database'))
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 2, 2, ['a', 'b', 'short']])
  })

  test('a refresh that is asked for during the start comes after it', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1')] } })
    const [started, refreshed] = await Promise.all([plane.reconciler.start(), plane.reconciler.refresh()])
    assert.deepEqual(started, { applied: true, revision: 1, generation: 1, problems: [] })
    assert.deepEqual(refreshed, started)
  })

  test('nothing is published after the stop, and a second stop is none', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1')] } })
    await plane.reconciler.start()
    plane.offer({ models: [model('b', '2')] })
    await plane.reconciler.stop()
    await plane.reconciler.refresh()
    await plane.settle()
    assert.equal(plane.published.length, 1)
    assert.equal(plane.slot.current, undefined)
    await plane.reconciler.stop()
  })

  test('an input of the accepted layer is applied while a newer layer is refused', async (context) => {
    const inputs = new PlayedInputs({ 'env:KEY': 'sk-1' })
    const plane = createPlane(context, {
      declaration: { models: [model('a', '1', { api_key: 'os.environ/KEY' })] },
      inputs,
    })
    await plane.reconciler.start()
    plane.offer({ models: [model('a', '1', { api_key: 'os.environ/KEY', timeout: 'fast' })] })
    await plane.settle()
    inputs.set('env:KEY', 'sk-2')
    await plane.settle()
    assert.deepEqual(told(plane), ['refused', 2, 2, ['a']])
    const headers = plane.slot.current?.deployments
      .get('1')
      ?.endpoint('openai-chat', { model: 'a', stream: false }).headers
    assert.ok(headers?.includes('Bearer sk-2'))
  })

  test('inputs that nothing refers to any more are no longer watched', async (context) => {
    const inputs = new PlayedInputs({ 'env:ONE': 'sk-1', 'env:TWO': 'sk-2' })
    const plane = createPlane(context, {
      declaration: { models: [model('a', '1', { api_key: 'os.environ/ONE' })] },
      inputs,
    })
    await plane.reconciler.start()
    assert.deepEqual(inputs.retained, new Set(['env:ONE']))
    plane.offer({ models: [model('a', '1', { api_key: 'os.environ/TWO' })] })
    await plane.settle()
    assert.deepEqual(inputs.retained, new Set(['env:TWO']))
  })

  test('a refresh reads every source again and answers what came of it', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1')] } })
    await plane.reconciler.start()
    plane.source.edit(layerOf({ models: [model('b', '2')] }))
    assert.deepEqual(await plane.reconciler.refresh(), { applied: true, revision: 2, generation: 2, problems: [] })
    plane.source.edit(layerOf({ models: [model('b', '2', { weight: -1 })] }))
    const refused = await plane.reconciler.refresh()
    assert.deepEqual([refused.applied, refused.revision, refused.generation], [false, 2, 2])
    assert.equal(refused.problems[0]?.code, 'value_invalid')
    assert.deepEqual(await plane.reconciler.refresh(), refused)
    plane.source.edit(layerOf({ models: [model('b', '2')] }))
    assert.deepEqual(await plane.reconciler.refresh(), { applied: true, revision: 2, generation: 2, problems: [] })
  })

  test('callers of refresh share a turn, but never one that began before they asked', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1')] } })
    await plane.reconciler.start()
    const first = plane.reconciler.refresh()
    await sleep(1)
    const later = [plane.reconciler.refresh(), plane.reconciler.refresh(), plane.reconciler.refresh()]
    await Promise.all([first, ...later])
    assert.equal(plane.source.refreshes, 2)
  })

  test('half the models vanishing is held for a truncated file, unless it is forced', async (context) => {
    const plane = createPlane(context, { declaration: { models: models(20) } })
    await plane.reconciler.start()
    plane.source.edit(layerOf({ models: models(9) }))
    const verdict = await plane.reconciler.refresh()
    assert.deepEqual(lines(verdict), [
      'config.yaml:1:1 error model_list: 11 of 20 deployments would vanish, more than half (this looks like a truncated file; if it is meant, reload with `?force=true` or `midflight reload --force`)',
    ])
    assert.equal(told(plane)[3].length, 20)
    const forced = await plane.reconciler.refresh({ force: true })
    assert.deepEqual(forced, { applied: true, revision: 2, generation: 2, problems: [] })
    plane.source.edit(layerOf({ models: models(5) }))
    assert.equal((await plane.reconciler.refresh()).applied, true, 'fewer than ten are not guarded')
  })

  test('the same number of models with other ids has not vanished', async (context) => {
    const plane = createPlane(context, { declaration: { models: models(20) } })
    await plane.reconciler.start()
    plane.source.edit(layerOf({ models: models(20).map((_, index) => model(`model-${index}`, `other-${index}`)) }))
    assert.equal((await plane.reconciler.refresh()).applied, true)
  })

  test('a call keeps its generation and the pools of it until it ends', async (context) => {
    const at = (port: number) => ({ api_base: `http://127.0.0.1:${port}` })
    const plane = createPlane(context, { declaration: { models: [model('a', '1', at(1))] } })
    await plane.reconciler.start()
    const call = plane.slot.acquire()
    plane.offer({ models: [model('a', '1', at(2))] })
    await plane.settle()
    assert.deepEqual(plane.pools.origins, ['http://127.0.0.1:1', 'http://127.0.0.1:2'])
    const [draining] = plane.reconciler.status().draining
    assert.deepEqual([draining?.generation, draining?.revision, draining?.calls], [1, 1, 1])
    assert.equal(call?.snapshot.deployments.get('1')?.pool.origin, 'http://127.0.0.1:1')
    call?.[Symbol.dispose]()
    await sleep(10)
    assert.deepEqual(plane.pools.origins, ['http://127.0.0.1:2'])
    assert.deepEqual(plane.reconciler.status().draining, [])
  })

  test('a call that lives through a hundred changes sees the one it started with', async (context) => {
    const plane = createPlane(context, { declaration: { models: [model('a', '1')] } })
    await plane.reconciler.start()
    using call = plane.slot.acquire()
    const group = call?.snapshot.models.resolve('a')
    for (let edit = 1; edit <= 100; edit += 1) {
      plane.source.edit(layerOf({ models: [model('a', '1', { temperature: edit }), model('b', '2')] }))
      assert.equal((await plane.reconciler.refresh()).applied, true)
    }
    assert.equal(call?.snapshot.models.resolve('a'), group)
    assert.equal(call?.snapshot.generation, 1)
    assert.equal(plane.slot.current?.generation, 101)
    assert.equal(plane.reconciler.status().draining.length, 1)
  })

  test('pools of unchanged deployments stay open across changes', async (context) => {
    const plane = createPlane(context, { declaration: { models: models(50) } })
    await plane.reconciler.start()
    const pool = plane.slot.current?.deployments.get('id-0')?.pool
    for (let edit = 1; edit <= 10; edit += 1) {
      plane.source.edit(layerOf({ models: models(50).with(7, model('model-7', 'id-7', { temperature: edit })) }))
      await plane.reconciler.refresh()
    }
    assert.equal(plane.slot.current?.deployments.get('id-0')?.pool, pool)
    assert.equal(plane.pools.opened, 1)
  })

  test('a defect while building leaves what serves as it is, and the next change is built', async (context) => {
    const plane = createPlane(context, {
      declaration: { models: [model('a', '1')] },
      openPool: (pools) => (origin) => {
        if (origin.endsWith(':13')) throw new Error('out of file descriptors')
        return pools.openPool(origin)
      },
    })
    await plane.reconciler.start()
    plane.offer({ models: [model('a', '1', { api_base: 'http://127.0.0.1:13' })] })
    await plane.settle()
    assert.deepEqual(told(plane), ['refused', 1, 1, ['a']])
    assert.deepEqual(lines(plane.reconciler.status()), [
      'gateway error: the gateway failed to apply the configuration: out of file descriptors (the last accepted configuration goes on serving; please report this)',
    ])
    plane.offer({ models: [model('b', '2')] })
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 2, 2, ['b']])
  })

  test('a change of a key that is read at start only is accepted for the rest and named, until it is undone', async (context) => {
    const declare = (url: string, name: string): Declaration => ({
      models: [model(name, '1')],
      settings: { general_settings: { database_url: url } },
    })
    const plane = createPlane(context, { declaration: declare('postgres://a', 'a') })
    await plane.reconciler.start()
    plane.source.edit(layerOf(declare('postgres://b', 'b')))
    const verdict = await plane.reconciler.refresh()
    assert.deepEqual([verdict.applied, told(plane)[3]], [true, ['b']])
    assert.deepEqual(lines(verdict), [
      'config.yaml:2:30 warning general_settings.database_url: `general_settings.database_url` is read at start only; the change takes effect at the next start (restart the replicas one by one)',
    ])
    assert.deepEqual(plane.reconciler.status().restartRequired, ['general_settings.database_url'])
    plane.source.edit(layerOf(declare('postgres://a', 'c')))
    assert.deepEqual((await plane.reconciler.refresh()).problems, [])
  })

  test('secrets never appear in status, verdict or turns', async (context) => {
    const secret = 'canary-7f3a9b'
    const inputs = new PlayedInputs({ 'env:KEY': secret, 'env:BASE': `ftp://${secret}/` })
    const plane = createPlane(context, {
      inputs,
      declaration: {
        credentials: [{ credential_name: 'c', credential_values: { api_key: secret, api_base: 'http://127.0.0.1:1' } }],
        models: [
          model('a', '1', { api_key: 'os.environ/KEY' }),
          model('b', '2', { litellm_credential_name: 'c', api_key: '' }),
        ],
        settings: { general_settings: { master_key: secret } },
      },
    })
    await plane.reconciler.start()
    assert.deepEqual(told(plane)[0], 'synced')
    plane.offer({
      credentials: [{ credential_name: 'c', credential_values: { api_key: [secret], api_base: `${secret}` } }],
      models: [
        model('a', '1', { api_key: { value: secret } }),
        model('b', '2', { api_base: 'os.environ/BASE' }),
        model('c', '3', { timeout: 'os.environ/KEY', weight: `sk-${secret}`, extra_headers: { 'x-key': [secret] } }),
        model('d', '4', { api_base: `http://user:${secret}@127.0.0.1:1` }),
        model('e', '5', { api_key: `${secret}\n` }),
        model('f', '6', { temperature: 'os.environ/KEY' }),
      ],
      settings: { general_settings: { master_key: [secret] }, environment_variables: { X: [secret] } },
    })
    await plane.settle()
    assert.equal(told(plane)[0], 'refused')
    const shown = JSON.stringify([plane.reconciler.status(), plane.turns, plane.slot.current])
    assert.ok(!shown.includes(secret), shown)
    assert.ok(lines(plane.reconciler.status()).length >= 8, lines(plane.reconciler.status()).join('\n'))
  })

  test('keeps the accepted configuration on disk, whole and for the owner only', async (context) => {
    const dataDirectory = join(scratchDirectory(), 'data')
    const plane = createPlane(context, {
      dataDirectory,
      inputs: new PlayedInputs({ 'env:KEY': 'sk-from-environment' }),
      declaration: { models: [model('a', '1', { api_key: 'os.environ/KEY' })] },
    })
    await plane.reconciler.start()
    await plane.reconciler.stop()
    const file = join(dataDirectory, 'last-good.json')
    const text = await readFile(file, 'utf8')
    assert.equal(JSON.parse(text).revision, 1)
    assert.ok(text.includes('os.environ/KEY') && !text.includes('sk-from-environment'))
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const { lastGood } = plane.reconciler.status()
    assert.deepEqual([lastGood?.file, lastGood?.revision, lastGood?.problem], [file, 1, undefined])
  })

  async function acceptAndStop(dataDirectory: string, declaration: Declaration): Promise<void> {
    const source = new PlayedSource(layerOf(declaration))
    const pools = new CountedPools()
    const reconciler = createReconciler({
      sources: [{ source, required: true }],
      inputs: new PlayedInputs(),
      slot: new Slot(),
      openPool: pools.openPool,
      dataDirectory,
      clock: systemClock,
    })
    assert.equal((await reconciler.start()).applied, true)
    await reconciler.stop()
  }

  test('a start with the same configuration goes on with its revision, with another one the next', async (context) => {
    const dataDirectory = scratchDirectory()
    await acceptAndStop(dataDirectory, { models: [model('a', '1')] })
    const same = createPlane(context, { dataDirectory, declaration: { models: [model('a', '1')], line: 7 } })
    assert.deepEqual(await same.reconciler.start(), { applied: true, revision: 1, generation: 1, problems: [] })
    const other = createPlane(context, { dataDirectory, declaration: { models: [model('b', '2')] } })
    assert.deepEqual(await other.reconciler.start(), { applied: true, revision: 2, generation: 1, problems: [] })
  })

  test('starts from last good while the sources are unreadable, and follows them when they are back', async (context) => {
    const dataDirectory = scratchDirectory()
    await acceptAndStop(dataDirectory, { models: [model('a', '1')] })
    const plane = createPlane(context, { dataDirectory, declaration: { problems: unreadable } })
    const verdict = await plane.reconciler.start()
    assert.deepEqual([verdict.applied, verdict.revision, verdict.generation], [false, 1, 1])
    assert.deepEqual(told(plane), ['degraded', 1, 1, ['a']])
    assert.equal(plane.reconciler.status().problems[0]?.code, 'file_unreadable')
    plane.offer({ models: [model('a', '1')] })
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 1, 1, ['a']])
    plane.offer({ models: [model('b', '2')] })
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 2, 2, ['b']])
  })

  test('good, bad, restart while bad: starts from last good, degraded, and the repair is applied', async (context) => {
    const dataDirectory = scratchDirectory()
    await acceptAndStop(dataDirectory, { models: [model('a', '1')] })
    const plane = createPlane(context, {
      dataDirectory,
      declaration: { models: [model('a', '1', { timeout: 'fast' })] },
    })
    await plane.reconciler.start()
    assert.deepEqual(told(plane), ['degraded', 1, 1, ['a']])
    plane.offer({ models: [model('a', '1', { timeout: 'slow' })] })
    await plane.settle()
    assert.deepEqual(told(plane), ['degraded', 1, 1, ['a']])
    plane.inputs.set('env:UNRELATED', 'x')
    await plane.settle()
    assert.deepEqual(told(plane), ['degraded', 1, 1, ['a']])
    plane.offer({ models: [model('a', '1', { timeout: 5 })] })
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 2, 2, ['a']])
  })

  for (const [what, damage] of [
    ['cut short', (text: string) => text.slice(0, -40)],
    ['not JSON', () => 'oops'],
    ['changed by one letter', (text: string) => text.replace('"a"', '"b"')],
    ['empty', () => ''],
  ] as const) {
    test(`a last-good copy that is ${what} is ignored with a warning`, async (context) => {
      const dataDirectory = scratchDirectory()
      await acceptAndStop(dataDirectory, { models: [model('a', '1')] })
      const file = join(dataDirectory, 'last-good.json')
      await writeFile(file, damage(await readFile(file, 'utf8')))
      const plane = createPlane(context, { dataDirectory, declaration: { problems: unreadable } })
      await plane.reconciler.start()
      assert.deepEqual(told(plane), ['refused', 0, 0, []])
      assert.equal(plane.reconciler.status().lastGood?.problem?.code, 'last_good_unreadable')
      assert.ok(plane.turns.some(({ type }) => type === 'last-good-failed'))
      plane.offer({ models: [model('c', '3')] })
      await plane.settle()
      assert.deepEqual(told(plane), ['synced', 1, 1, ['c']])
      // It is written beside the turns.
      await until(() => plane.reconciler.status().lastGood?.problem === undefined, 5_000, 'the new copy')
    })
  }

  for (const [what, name, identity] of [
    ['another source', 'database', undefined],
    ['another file', 'config.yaml', '/etc/other/config.yaml'],
  ] as const) {
    test(`a last-good copy of ${what} does not serve`, async (context) => {
      const dataDirectory = scratchDirectory()
      await acceptAndStop(dataDirectory, { models: [model('a', '1')] })
      const file = join(dataDirectory, 'last-good.json')
      const source = new PlayedSource(layerOf({ problems: unreadable }, name), identity)
      const slot = new Slot()
      const reconciler = createReconciler({
        sources: [{ source, required: true }],
        inputs: new PlayedInputs(),
        slot,
        openPool: new CountedPools().openPool,
        dataDirectory,
        clock: systemClock,
      })
      await reconciler.start()
      context.after(() => reconciler.stop())
      assert.equal(slot.current, undefined)
      assert.equal(
        reconciler.status().lastGood?.problem?.message,
        `the copy of the accepted configuration in ${file} is ignored: it was made from other sources`,
      )
    })
  }

  test('a source that is made of inputs is refreshed when one of them changes', async (context) => {
    const other = new PlayedSource(
      layerOf({ models: [model('b', '2')] }, 'default'),
      undefined,
      new Set(['env:NEW_KEY']),
    )
    const plane = createPlane(context, {
      declaration: { models: [model('a', '1')] },
      others: [{ source: other, required: true }],
    })
    await plane.reconciler.start()
    assert.ok(plane.inputs.retained.has('env:NEW_KEY'))
    other.edit(layerOf({ models: [model('b', '2'), model('c', '3')] }, 'default'))
    plane.inputs.set('env:NEW_KEY', 'sk-new')
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 2, 2, ['a', 'b', 'c']])
  })

  test('a directory that cannot be written is a warning; what was kept before stays whole', {
    skip: process.getuid?.() === 0 && 'root writes everywhere',
  }, async (context) => {
    const dataDirectory = scratchDirectory()
    await acceptAndStop(dataDirectory, { models: [model('a', '1')] })
    const before = await readFile(join(dataDirectory, 'last-good.json'), 'utf8')
    await chmod(dataDirectory, 0o500)
    context.after(() => chmod(dataDirectory, 0o700))
    const plane = createPlane(context, { dataDirectory, declaration: { models: [model('b', '2')] } })
    await plane.reconciler.start()
    await plane.settle()
    assert.deepEqual(told(plane)[0], 'synced')
    assert.equal(plane.reconciler.status().lastGood?.problem?.code, 'last_good_unwritable')
    assert.equal(await readFile(join(dataDirectory, 'last-good.json'), 'utf8'), before)
  })

  test('a directory that cannot be made is a warning, and serving goes on from memory', async (context) => {
    const dataDirectory = scratchDirectory()
    const file = join(dataDirectory, 'file')
    await writeFile(file, '')
    const plane = createPlane(context, {
      dataDirectory: join(file, 'data'),
      declaration: { models: [model('a', '1')] },
    })
    await plane.reconciler.start()
    await plane.settle()
    assert.deepEqual(told(plane), ['synced', 1, 1, ['a']])
    assert.equal(plane.reconciler.status().lastGood?.problem?.code, 'last_good_unwritable')
  })

  test('of many quick acceptances the newest is the one that is kept', async (context) => {
    const dataDirectory = scratchDirectory()
    const plane = createPlane(context, { dataDirectory, declaration: { models: models(300) } })
    await plane.reconciler.start()
    for (let edit = 1; edit <= 20; edit += 1) {
      plane.source.edit(layerOf({ models: models(300, { temperature: edit }) }))
      await plane.reconciler.refresh()
    }
    await plane.reconciler.stop()
    const copy = JSON.parse(await readFile(join(dataDirectory, 'last-good.json'), 'utf8'))
    assert.equal(copy.revision, 21)
    assert.equal(copy.layers[0].resources[0].spec.litellm_params.temperature, 20)
  })
})
