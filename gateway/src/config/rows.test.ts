import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Declaration, layerOf, model } from '../../test/control-plane.ts'
import { actor } from '../../test/opened-store.ts'
import { createReplica, type Replica } from '../../test/replica.ts'
import { scratchDirectory } from '../../test/scratch.ts'
import type { KindName } from '../core/resource.ts'
import type { JsonObject } from '../lib/json.ts'

/** A row as another replica, of another version, may have written it: nothing here has checked it. */
async function write(replica: Replica, kind: KindName, name: string, spec: JsonObject | undefined): Promise<void> {
  await replica.store.change({ actor }, async (transaction) => {
    if (spec === undefined) await transaction.deleteResource(kind, name)
    else await transaction.putResource(kind, name, spec)
  })
  await replica.feed.confirm()
}

async function started(context: TestContext, declaration: Declaration = {}): Promise<Replica> {
  const replica = createReplica(context, { dataDirectory: scratchDirectory(), declaration })
  await replica.start()
  return replica
}

function told(replica: Replica) {
  const { state, problems } = replica.reconciler.status()
  const errors = problems.filter(({ severity }) => severity === 'error')
  return {
    state,
    models: replica.models(),
    errors: errors.map(({ code, origin, path }) => `${code} ${origin} ${path}`),
  }
}

describe('rows that are not acceptable', { concurrency: 4 }, () => {
  test('one that does not compile serves as it was last accepted; the others go on changing', async (context) => {
    const replica = await started(context)
    await write(replica, 'deployment', 'm', model('m', 'm', { timeout: 7 }))
    const before = replica.slot.current?.deployments.get('m')
    await write(replica, 'deployment', 'm', model('m', 'm', { model: 'nobody/knows' }))
    assert.deepEqual(told(replica), {
      state: 'degraded',
      models: ['m'],
      errors: ['provider_unknown database deployment[m].litellm_params.model'],
    })
    assert.equal(replica.slot.current?.deployments.get('m'), before)
    await write(replica, 'deployment', 'n', model('n', 'n'))
    assert.deepEqual(replica.models(), ['m', 'n'])
    assert.equal(replica.slot.current?.deployments.get('m'), before, 'and not only for one turn')
    await write(replica, 'deployment', 'm', model('m', 'm', { timeout: 8 }))
    assert.deepEqual(told(replica), { state: 'synced', models: ['m', 'n'], errors: [] })
    assert.notEqual(replica.slot.current?.deployments.get('m'), before)
  })

  test('one that was never accepted is left out', async (context) => {
    const replica = await started(context, { models: [model('a', 'a')] })
    await write(replica, 'deployment', 'm', { model_name: 7 })
    assert.equal(told(replica).state, 'degraded')
    assert.deepEqual(told(replica).models, ['a'])
    await write(replica, 'deployment', 'm', undefined)
    assert.deepEqual(told(replica), { state: 'synced', models: ['a'], errors: [] })
  })

  test('they do not keep changes by API from being accepted, nor can one be made by API', async (context) => {
    const replica = await started(context)
    await write(replica, 'deployment', 'bad', model('bad', 'bad', { model: 'nobody/knows' }))
    const put = (name: string, params: JsonObject = {}) =>
      replica.changes.resources({ actor }, (draft) => {
        draft.put('deployment', name, model(name, name, params))
        return { result: name }
      })
    assert.equal((await put('good')).applied, true)
    await assert.rejects(put('worse', { model: 'nobody/either' }), { code: 'config_refused' })
    assert.deepEqual(replica.models(), ['good'])
    assert.equal((await put('bad')).applied, true, 'and it can be repaired')
    assert.deepEqual(told(replica), { state: 'synced', models: ['bad', 'good'], errors: [] })
  })

  test('settings that are not acceptable are left out, those of the file stay', async (context) => {
    const replica = await started(context, {
      models: [model('a', 'a')],
      settings: { router_settings: { num_retries: 5 } },
    })
    await write(replica, 'settings', 'gateway', { router_settings: { timeout: 9 } })
    assert.equal(replica.slot.current?.settings.router.timeoutMs, 9_000)
    await write(replica, 'settings', 'gateway', { router_settings: { timeout: 'soon' } })
    assert.equal(told(replica).state, 'degraded')
    assert.deepEqual(told(replica).errors, ['value_invalid database router_settings.timeout'])
    assert.equal(replica.slot.current?.settings.router.retries, 5)
    assert.notEqual(replica.slot.current?.settings.router.timeoutMs, 9_000)
    replica.file.edit(layerOf({ models: [model('a', 'a')], settings: { router_settings: { num_retries: 6 } } }))
    assert.equal((await replica.reconciler.refresh()).applied, true, 'the file goes on changing')
    assert.equal(replica.slot.current?.settings.router.retries, 6)
  })

  test('a stored credential or model that the file needs and that vanishes holds up nothing but what needs it', async (context) => {
    const replica = await started(context)
    await write(replica, 'credential', 'c', { credential_name: 'c', credential_values: { api_key: 'sk-c' } })
    await write(replica, 'deployment', 'm', model('m', 'm'))
    const { api_key: _, ...withoutKey } = model('f', 'f').litellm_params as JsonObject
    const file = {
      models: [{ ...model('f', 'f'), litellm_params: { ...withoutKey, litellm_credential_name: 'c' } }],
      settings: { router_settings: { fallbacks: [{ f: ['m'] }] } },
    }
    replica.file.edit(layerOf(file))
    assert.equal((await replica.reconciler.refresh()).applied, true)
    const before = replica.slot.current?.deployments.get('f')
    await write(replica, 'credential', 'c', undefined)
    await write(replica, 'deployment', 'm', undefined)
    await write(replica, 'deployment', 'n', model('n', 'n'))
    assert.deepEqual(replica.models(), ['f', 'n'], 'the rest of the database is applied')
    assert.equal(replica.slot.current?.deployments.get('f'), before, 'what needs it serves on as it was')
    assert.equal(told(replica).state, 'refused')
    for (const path of ['model_list[0].litellm_params.litellm_credential_name', 'router_settings.fallbacks[0].f[0]']) {
      assert.ok(
        told(replica).errors.some((line) => line.startsWith('reference_missing config.yaml') && line.endsWith(path)),
        path,
      )
    }
    await write(replica, 'credential', 'c', { credential_name: 'c', credential_values: { api_key: 'sk-c2' } })
    await write(replica, 'deployment', 'm', model('m', 'm'))
    assert.deepEqual(told(replica).errors, [])
    assert.equal(told(replica).state, 'synced')
  })

  test('an alias row that leads nowhere is named; everything else serves', async (context) => {
    const replica = await started(context, { models: [model('a', 'a')] })
    await write(replica, 'alias', 'x', { model: 'nothing' })
    assert.equal(told(replica).state, 'degraded')
    assert.deepEqual(told(replica).errors, ['reference_missing database alias[x].model'])
    assert.equal(replica.slot.current?.models.resolve('x'), undefined)
    assert.ok(replica.slot.current?.models.resolve('a'))
  })
})
