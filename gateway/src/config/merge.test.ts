import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layerOf, model, PlayedInputs } from '../../test/control-plane.ts'
import { problemToLine } from '../core/problem.ts'
import { openPool } from '../lib/http-client/open-pool.ts'
import type { JsonObject } from '../lib/json.ts'
import { mergeLayers } from './merge.ts'
import { Pacer } from './pacer.ts'
import { prepare } from './prepare.ts'
import { UsagePool } from './usage-pool.ts'

async function merged(file: JsonObject, database: JsonObject) {
  const layers = [layerOf({ settings: file }), layerOf({ settings: database }, 'database')]
  const { kinds } = await mergeLayers(layers, new Pacer())
  const settings = kinds.settings.get('gateway')
  assert.ok(settings)
  return settings
}

test('settings of two sources are put together key by key, and the file counts where both say something', async () => {
  const { resource, sourceOf } = await merged(
    { router_settings: { num_retries: 1, timeout: null }, general_settings: null },
    { router_settings: { num_retries: 5, timeout: 9 }, litellm_settings: { drop_params: true } },
  )
  assert.deepEqual(resource.spec, {
    router_settings: { num_retries: 1, timeout: 9 },
    general_settings: {},
    litellm_settings: { drop_params: true },
  })
  assert.equal(sourceOf?.('router_settings.num_retries'), 'config.yaml')
  assert.equal(sourceOf?.('router_settings.timeout'), 'database')
  assert.match(resource.originOf('litellm_settings.drop_params'), /^database:/)
  assert.match(resource.originOf('router_settings.num_retries'), /^config\.yaml:/)
})

test('a section that is no mapping stays, so that its source is told', async () => {
  const { resource, sourceOf } = await merged({ router_settings: [] }, { router_settings: { num_retries: 5 } })
  assert.deepEqual(resource.spec.router_settings, [])
  assert.equal(sourceOf?.('router_settings'), 'config.yaml')
})

test('an alias of the file counts before one of the database', async () => {
  const alias = (model: string) => ({ aliases: [{ name: 'a', spec: { model } }] })
  const { kinds } = await mergeLayers([layerOf(alias('x')), layerOf(alias('y'), 'database')], new Pacer())
  assert.deepEqual(kinds.alias.get('a')?.resource.spec, { model: 'x' })
})

test('what does not count because another source says the same is a warning at its place', async () => {
  const layers = [
    layerOf({ models: [model('a', '1')], aliases: [{ name: 'x', spec: { model: 'b' } }] }),
    layerOf({ models: [model('b', '1')], aliases: [{ name: 'x', spec: { model: 'b' } }] }, 'database'),
  ]
  const workshop = { inputs: new PlayedInputs(), pool: new UsagePool(() => undefined), openPool }
  const outcome = await prepare(layers, undefined, workshop)
  assert.ok(outcome.accepted)
  const problems = Array.from(outcome.prepared.problems.values())
    .flat()
    .filter(({ code }) => code === 'declared_twice')
  assert.deepEqual(problems.map(problemToLine), [
    'config.yaml:1:1 warning model_list[0]: the deployment `1` is declared by database:1:1 too, which counts; this one has no effect (remove one of them, or give it a name of its own)',
    'database:2:1 warning router_settings.model_group_alias.x: the alias `x` is declared by config.yaml:2:1 too, which counts; this one has no effect (remove one of them, or give it a name of its own)',
  ])
  outcome.prepared.release()
})
