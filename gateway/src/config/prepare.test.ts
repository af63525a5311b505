import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountedPools, type Declaration, layerOf, model, models, PlayedInputs } from '../../test/control-plane.ts'
import type { Deployment } from '../core/deployment.ts'
import { problemToLine } from '../core/problem.ts'
import type { Layer } from '../core/resource.ts'
import { prepare } from './prepare.ts'
import type { Outcome, Prepared, Workshop } from './prepared.ts'
import { UsagePool } from './usage-pool.ts'

interface Bench extends Workshop {
  readonly inputs: PlayedInputs
  readonly pools: CountedPools
}

function createBench(values: ConstructorParameters<typeof PlayedInputs>[0] = {}): Bench {
  const pools = new CountedPools()
  const pool = new UsagePool((key, error) => assert.fail(`${key}: ${String(error)}`))
  return { inputs: new PlayedInputs(values), pool, pools, openPool: pools.openPool }
}

async function accepted(layers: readonly Layer[], previous: Prepared | undefined, bench: Bench): Promise<Prepared> {
  const outcome = await prepare(layers, previous, bench)
  if (outcome.accepted) return outcome.prepared
  assert.fail(linesOf(outcome).join('\n'))
}

async function build(declaration: Declaration, previous: Prepared | undefined, bench: Bench): Promise<Prepared> {
  return accepted([layerOf(declaration)], previous, bench)
}

function linesOf(outcome: Outcome): string[] {
  const problems = outcome.accepted ? outcome.prepared.problems : outcome.problems
  return Array.from(problems.values()).flat().map(problemToLine)
}

function deploymentOf(prepared: Prepared, id: string): Deployment {
  const found = prepared.deployments.get(id)
  if (found === undefined) throw new Error(`no deployment ${id}`)
  return found
}

/** The longest stretch between two turns of the event loop, in CPU time of this thread: other processes do not count. */
function createStallProbe(): { stop(): number } {
  const cpuMs = (): number => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1_000
  }
  let last = cpuMs()
  let longest = 0
  let running = true
  const turn = (): void => {
    const now = cpuMs()
    longest = Math.max(longest, now - last)
    last = now
    if (running) setImmediate(turn)
  }
  setImmediate(turn)
  return {
    stop() {
      running = false
      return Math.max(longest, cpuMs() - last)
    },
  }
}

async function closeAll(bench: Bench, ...prepared: Prepared[]): Promise<void> {
  for (const each of prepared) each.release()
  await bench.pool.closed()
  assert.deepEqual(bench.pools.origins, [])
  assert.equal(bench.pool.size, 0)
}

test('a later layer wins by kind and name, and deployments of one name from two layers add up', async () => {
  const bench = createBench()
  const file = layerOf({ models: [model('gpt', 'a', { temperature: 0 }), model('gpt', 'b')] }, 'config.yaml')
  const database = layerOf({ models: [model('gpt', 'a', { temperature: 1 }), model('gpt', 'c')] }, 'database')
  const prepared = await accepted([file, database], undefined, bench)
  assert.deepEqual(
    prepared.models.resolve('gpt')?.group.deployments.map((deployment) => [deployment.id, deployment.defaults]),
    [
      ['a', { temperature: 1 }],
      ['b', {}],
      ['c', {}],
    ],
  )
  assert.equal(prepared.declared.get('deployment', 'a')?.origin, 'database:1:1')
  assert.equal(prepared.declared.get('deployment', 'b')?.origin, 'config.yaml:2:1')
  assert.equal(prepared.declared.get('deployment', 'x')?.origin, undefined)
  await closeAll(bench, prepared)
})

test('unchanged resources are the same object', async () => {
  const bench = createBench()
  const before = await build({ models: [model('a', '1'), model('b', '2')] }, undefined, bench)
  const after = await build({ models: [model('a', '1'), model('b', '2', { temperature: 1 })] }, before, bench)
  assert.equal(deploymentOf(after, '1'), deploymentOf(before, '1'))
  assert.notEqual(deploymentOf(after, '2'), deploymentOf(before, '2'))
  assert.equal(after.models.resolve('a')?.group, before.models.resolve('a')?.group)
  assert.notEqual(after.models.resolve('b')?.group, before.models.resolve('b')?.group)
  assert.deepEqual([after.compiled, after.reused, after.changed], [1, 1 + 2, true])
  await closeAll(bench, before, after)
})

test('the same content at other lines changes nothing but the places in problems', async () => {
  const bench = createBench()
  const declaration = { models: [model('a', '1', { region_name: 'eu' })] }
  const before = await build(declaration, undefined, bench)
  const after = await build({ ...declaration, line: 40 }, before, bench)
  assert.equal(after.changed, false)
  assert.equal(after.hash, before.hash)
  assert.deepEqual(linesOf({ accepted: true, prepared: before }), [
    'config.yaml:1:27 warning model_list[0].litellm_params.region_name: `region_name` is a LiteLLM setting that this version does not act on',
  ])
  assert.match(linesOf({ accepted: true, prepared: after })[0] ?? '', /^config\.yaml:40:27 /)
  await closeAll(bench, before, after)
})

test('another order of the same models is a change, because it is the order in which they are listed', async () => {
  const bench = createBench()
  const before = await build({ models: [model('a', '1'), model('b', '2')] }, undefined, bench)
  const after = await build({ models: [model('b', '2'), model('a', '1')] }, before, bench)
  assert.equal(after.changed, true)
  assert.equal(after.compiled, 0)
  assert.deepEqual(after.models.names, ['b', 'a'])
  await closeAll(bench, before, after)
})

test('a changed credential recompiles its deployments only', async () => {
  const bench = createBench()
  const declare = (key: string): Declaration => ({
    credentials: [
      { credential_name: 'one', credential_values: { api_key: key } },
      { credential_name: 'two', credential_values: { api_key: 'sk-two' } },
    ],
    models: [
      model('a', '1', { litellm_credential_name: 'one', api_key: '' }),
      model('b', '2', { litellm_credential_name: 'two', api_key: '' }),
      model('c', '3'),
    ],
  })
  const before = await build(declare('sk-one'), undefined, bench)
  const after = await build(declare('sk-new'), before, bench)
  assert.notEqual(deploymentOf(after, '1'), deploymentOf(before, '1'))
  assert.equal(deploymentOf(after, '2'), deploymentOf(before, '2'))
  assert.equal(deploymentOf(after, '3'), deploymentOf(before, '3'))
  assert.equal(after.compiled, 2)
  const headers = (prepared: Prepared): readonly string[] =>
    deploymentOf(prepared, '1').endpoint('openai-chat', { model: 'a', stream: false }).headers
  assert.ok(headers(before).includes('Bearer sk-one'))
  assert.ok(headers(after).includes('Bearer sk-new'))
  await closeAll(bench, before, after)
})

test('a changed variable or secret file recompiles what reads it, although no declaration changed', async () => {
  const bench = createBench({ 'env:KEY': 'sk-1', 'file:/run/secret': 'sk-2', 'env:OPENAI_API_KEY': 'sk-3' })
  const declaration: Declaration = {
    models: [
      model('a', '1', { api_key: 'os.environ/KEY' }),
      model('b', '2', { api_key: 'file:/run/secret' }),
      model('c', '3', { api_key: null }),
      model('d', '4'),
    ],
  }
  const before = await build(declaration, undefined, bench)
  assert.deepEqual(Array.from(before.uris).sort(), ['env:KEY', 'env:OPENAI_API_KEY', 'file:/run/secret'])
  const changes: readonly (readonly [uri: 'env:KEY' | 'file:/run/secret' | 'env:OPENAI_API_KEY', id: string])[] = [
    ['env:KEY', '1'],
    ['file:/run/secret', '2'],
    ['env:OPENAI_API_KEY', '3'],
  ]
  let last = before
  for (const [uri, id] of changes) {
    bench.inputs.set(uri, `new-${uri}`)
    const next = await build(declaration, last, bench)
    assert.equal(next.hash, before.hash)
    assert.equal(next.changed, true)
    const changed = Array.from(next.deployments).filter(([name, value]) => last.deployments.get(name) !== value)
    assert.deepEqual(
      changed.map(([name]) => name),
      [id],
    )
    last.release()
    last = next
  }
  await closeAll(bench, last)
})

test('the variables of the configuration are defaults of those of the process, and may refer to them', async () => {
  const bench = createBench({ 'env:OTHER': 'sk-other', 'env:SET': 'sk-process' })
  const declare = (variables: Record<string, string>): Declaration => ({
    settings: { environment_variables: variables },
    models: [model('a', '1', { api_key: `os.environ/${Object.keys(variables)[0]}` }), model('b', '2')],
  })
  const keyOf = (prepared: Prepared): string | undefined =>
    deploymentOf(prepared, '1')
      .endpoint('openai-chat', { model: 'a', stream: false })
      .headers.find((value) => value.startsWith('Bearer'))
  const own = await build(declare({ KEY: 'sk-declared' }), undefined, bench)
  assert.equal(keyOf(own), 'Bearer sk-declared')
  const referring = await build(declare({ KEY: 'os.environ/OTHER' }), own, bench)
  assert.equal(keyOf(referring), 'Bearer sk-other')
  const process = await build(declare({ SET: 'sk-placeholder' }), referring, bench)
  assert.equal(keyOf(process), 'Bearer sk-process')
  assert.equal(deploymentOf(process, '2'), deploymentOf(own, '2'))
  const unrelated = await build(declare({ SET: 'sk-placeholder', UNRELATED: '1' }), process, bench)
  assert.equal(deploymentOf(unrelated, '1'), deploymentOf(process, '1'))
  await closeAll(bench, own, referring, process, unrelated)
})

test('pools are shared by origin and stay open while a generation uses them', async () => {
  const bench = createBench()
  const at = (port: number): { api_base: string } => ({ api_base: `http://127.0.0.1:${port}/v1` })
  const before = await build(
    { models: [model('a', '1', at(1)), model('b', '2', at(1)), model('c', '3', at(2))] },
    undefined,
    bench,
  )
  assert.deepEqual(bench.pools.origins, ['http://127.0.0.1:1', 'http://127.0.0.1:2'])
  assert.equal(deploymentOf(before, '1').pool, deploymentOf(before, '2').pool)
  const after = await build({ models: [model('a', '1', at(1)), model('c', '3', at(3))] }, before, bench)
  assert.equal(deploymentOf(after, '1').pool, deploymentOf(before, '1').pool)
  assert.deepEqual(bench.pools.origins, ['http://127.0.0.1:1', 'http://127.0.0.1:2', 'http://127.0.0.1:3'])
  before.release()
  await bench.pool.closed()
  assert.deepEqual(bench.pools.origins, ['http://127.0.0.1:1', 'http://127.0.0.1:3'])
  assert.equal(bench.pools.opened, 3)
  await closeAll(bench, after)
})

test('a failed preparation releases everything it acquired and nothing else', async () => {
  const bench = createBench()
  const at = (port: number): { api_base: string } => ({ api_base: `http://127.0.0.1:${port}` })
  const before = await build({ models: [model('a', '1', at(1))] }, undefined, bench)
  const outcome = await prepare(
    [layerOf({ models: [model('a', '1', at(1)), model('b', '2', at(2)), model('c', '3', { timeout: 'fast' })] })],
    before,
    bench,
  )
  assert.equal(outcome.accepted, false)
  await bench.pool.closed()
  assert.deepEqual(bench.pools.origins, ['http://127.0.0.1:1'])
  await closeAll(bench, before)
})

test('a preparation that breaks down releases everything it acquired', async () => {
  const bench = createBench()
  const broken: Workshop = {
    ...bench,
    openPool: (origin) => {
      if (origin.endsWith(':2')) throw new Error('out of file descriptors')
      return bench.openPool(origin)
    },
  }
  const layer = layerOf({
    models: [model('a', '1', { api_base: 'http://127.0.0.1:1' }), model('b', '2', { api_base: 'http://127.0.0.1:2' })],
  })
  await assert.rejects(prepare([layer], undefined, broken), /out of file descriptors/)
  await closeAll(bench)
})

test('a layer is refused whole, with all its problems at their places', async () => {
  const bench = createBench()
  const outcome = await prepare(
    [
      layerOf({
        models: [
          model('a', '1', { timeout: 'fast', weight: -1 }),
          model('b', '2', { model: 'opnai/gpt-4o' }),
          model('c', '3', { api_key: 'os.environ/NOPE' }),
          { litellm_params: { model: 'openai/x' } },
        ],
        aliases: [
          { name: 'short', spec: { model: 'd' } },
          { name: 'broken', spec: { model: 'b' } },
        ],
        settings: { router_settings: { fallbacks: [{ a: ['gpt'] }], num_retries: 'many' } },
      }),
    ],
    undefined,
    bench,
  )
  assert.deepEqual(linesOf(outcome), [
    'config.yaml:1:22 error model_list[0].litellm_params.weight: expected a number, 0 or more, found -1',
    'config.yaml:1:23 error model_list[0].litellm_params.timeout: expected a number of seconds above 0, found "fast"',
    'config.yaml:2:21 error model_list[1].litellm_params.model: unknown provider `opnai` (did you mean `openai`?)',
    'config.yaml:3:23 error model_list[2].litellm_params.api_key: the environment variable NOPE is not set (set NOPE in the environment or in the environment file)',
    'config.yaml:4:11 error model_list[3].model_name: `model_name` is required',
    'config.yaml:7:28 error router_settings.num_retries: expected a whole number, 0 or more, found "many"',
    'config.yaml:5:6 error router_settings.model_group_alias.short.model: there is no model `d`',
  ])
  await closeAll(bench)
})

test('only the layer with the error is refused', async () => {
  const bench = createBench()
  const good = layerOf({ models: [model('a', '1')] }, 'config.yaml')
  const bad = layerOf({ models: [model('b', '2', { timeout: 'fast' })] }, 'database')
  const outcome = await prepare([good, bad], undefined, bench)
  assert.ok(!outcome.accepted)
  assert.deepEqual(Array.from(outcome.problems.keys()), ['database'])
  await closeAll(bench)
})

test('an unset variable of a key that nobody reads does not matter', async () => {
  const bench = createBench()
  const prepared = await build(
    {
      settings: {
        litellm_settings: { cache_params: { host: 'os.environ/REDIS_HOST' } },
        general_settings: { database_url: 'os.environ/DATABASE_URL' },
      },
    },
    undefined,
    bench,
  )
  assert.deepEqual(Array.from(prepared.uris), [])
  await closeAll(bench, prepared)
})

test('names that no JSON object should have are values like any other', async () => {
  const bench = createBench()
  const spec = JSON.parse(
    '{"model_name":"constructor","litellm_params":{"model":"openai/x","api_key":"k","__proto__":{"polluted":true},"toString":"x"},"model_info":{"id":"__proto__"}}',
  )
  const prepared = await build({ models: [spec] }, undefined, bench)
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
  assert.equal(prepared.models.resolve('constructor')?.group.name, 'constructor')
  assert.equal(prepared.models.resolve('toString'), undefined)
  assert.equal(prepared.models.resolve('hasOwnProperty'), undefined)
  assert.equal(deploymentOf(prepared, '__proto__').defaults.toString, 'x')
  await closeAll(bench, prepared)
})

test('of two thousand deployments a one-line edit makes one new object and holds the event loop for no more than a moment', async () => {
  const bench = createBench()
  const list = models(2_000)
  const before = await build({ models: list }, undefined, bench)
  const edited = list.with(1_000, model('model-1000', 'id-1000', { temperature: 0.5 }))
  const probe = createStallProbe()
  const after = await build({ models: edited }, before, bench)
  const stalledMs = probe.stop()
  const changed = Array.from(after.deployments).filter(([id, value]) => before.deployments.get(id) !== value)
  assert.deepEqual(
    changed.map(([id]) => id),
    ['id-1000'],
  )
  const groups = list.filter(({ model_name: name }) => {
    const group = (prepared: Prepared): unknown => prepared.models.resolve(String(name))?.group
    return group(after) !== group(before)
  })
  assert.equal(groups.length, 1)
  assert.equal(bench.pools.opened, 1)
  assert.ok(stalledMs < 20, `the event loop was held for ${stalledMs} ms`)
  await closeAll(bench, before, after)
})
