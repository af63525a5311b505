import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Gateway, masterKey, startGateway } from '../../../../test/gateway.ts'
import { jsonAt as stepsAt } from '../../../../test/json-at.ts'

/** `entries[0].revision` */
function jsonAt(value: unknown, path: string): unknown {
  const steps = path.split(/[.[\]]+/).filter((step) => step !== '')
  return stepsAt(value, ...steps)
}

const secret = 'sk-canary-0123456789abcdefghij'

function start(context: TestContext, extra = {}): Promise<Gateway> {
  const model = { model: 'openai/a', api_base: 'http://127.0.0.1:9', api_key: 'sk-file-secret-key-0123456789' }
  const config = {
    model_list: [{ model_name: 'a', litellm_params: model, model_info: { id: 'file-a' } }],
    router_settings: { num_retries: 1 },
    general_settings: { store_model_in_db: true },
    ...extra,
  }
  return startGateway(context, { config })
}

function parameters(more = {}) {
  return { model: 'openai/x', api_base: 'http://127.0.0.1:9', api_key: secret, ...more }
}

async function add(app: Gateway, name: string, more = {}, headers: Record<string, string> = {}) {
  const body = { model_name: name, litellm_params: parameters(more), model_info: { id: name } }
  return app.post('/model/new', body, masterKey, headers)
}

function revisionOf({ headers }: { readonly headers: Headers }): number {
  return Number(headers.get('x-midflight-revision'))
}

async function update(app: Gateway, name: string, more: object): Promise<number> {
  const answer = await app.post('/model/update', { model_info: { id: name }, litellm_params: { ...more } })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return revisionOf(answer)
}

function specOf(app: Gateway, name: string) {
  const spec = app.app.modelNames().includes(name)
  return spec
}

describe('the routes of the configuration', { concurrency: 4 }, () => {
  test('the journal has every accepted and refused change, who made it, and no secret', async (context) => {
    const app = await start(context)
    const revision = revisionOf(await add(app, 'm'))
    assert.equal((await add(app, 'bad', { model: 'nobody/knows' })).status, 400)
    await app.put(['team', 't', { team_alias: 'T' }])
    const { status, body } = await app.get('/config/journal?limit=3')
    assert.equal(status, 200)
    const text = JSON.stringify(body)
    assert.ok(!text.includes(secret) && !text.includes('canary-0123'), 'masked')
    assert.equal(jsonAt(body, 'entries[0].alterations[0].kind'), 'team')
    assert.equal(jsonAt(body, 'entries[1].accepted'), false)
    assert.equal(jsonAt(body, 'entries[1].problems[0].code'), 'provider_unknown')
    assert.equal(jsonAt(body, 'entries[2].revision'), revision)
    assert.equal(jsonAt(body, 'entries[2].actor.via'), 'POST /model/new')
    assert.equal(jsonAt(body, 'entries[2].alterations[0].after.model_name'), 'm')
    const older = await app.get(`/config/journal?limit=3&before=${jsonAt(body, 'next_before')}`)
    assert.equal(jsonAt(older.body, 'entries[0].alterations[0].kind'), 'source', 'the file is in the journal too')
    assert.equal(jsonAt(older.body, 'next_before'), null)
    const one = await app.get(`/config/journal/${revision}`)
    assert.equal(jsonAt(one.body, 'revision'), revision)
    assert.equal((await app.get('/config/journal/9999')).status, 404)
    assert.equal((await app.get('/config/journal/x')).status, 400)
    assert.equal((await app.get('/config/journal?limit=0')).status, 422)
    assert.equal((await app.get('/config/journal', '')).status, 401)
  })

  test('a revert that takes a key away is answered when no replica accepts it any more', async (context) => {
    const app = await start(context)
    const made = await app.post('/key/generate', {})
    const reverted = await app.post(`/config/journal/${revisionOf(made)}/revert`)
    assert.equal(reverted.status, 200, reverted.text)
    assert.match(reverted.headers.get('x-midflight-replicas') ?? '', /:applied$/)
    assert.equal((await app.get('/v1/models', made.body.key)).status, 401)
  })

  test('a revert undoes one change and keeps the later ones', async (context) => {
    const app = await start(context)
    await add(app, 'm', { timeout: 10 })
    const first = await update(app, 'm', { timeout: 20 })
    await update(app, 'm', { weight: 3 })
    const reverted = await app.post(`/config/journal/${first}/revert`)
    assert.equal(reverted.status, 200, JSON.stringify(reverted.body))
    const stored = app.app.store.readResources(0)
    const spec = (await stored).resources.find(({ name }) => name === 'm')?.spec.litellm_params
    assert.equal(jsonAt(spec, 'timeout'), 10)
    assert.equal(jsonAt(spec, 'weight'), 3)
    assert.equal(jsonAt(spec, 'api_key'), secret, 'what the journal masks is put back in full')
    const entry = await app.get(`/config/journal/${revisionOf(reverted)}`)
    assert.equal(jsonAt(entry.body, 'reverts'), first)
    const again = await app.post(`/config/journal/${revisionOf(reverted)}/revert`)
    assert.equal(again.status, 200, 'a revert can be undone')
  })

  test('a revert that would undo a later change is refused and names it; nothing is changed', async (context) => {
    const app = await start(context)
    const created = revisionOf(await add(app, 'm', { timeout: 10 }))
    const first = await update(app, 'm', { timeout: 20 })
    const later = await update(app, 'm', { timeout: 30 })
    for (const revision of [created, first]) {
      const answer = await app.post(`/config/journal/${revision}/revert`)
      assert.equal(answer.status, 409)
      assert.match(JSON.stringify(answer.body), new RegExp(`changed again by revision ${later}`))
    }
    assert.ok(specOf(app, 'm'))
    assert.equal((await app.post('/config/journal/1/revert')).status, 400, 'the file is undone in the file')
    assert.equal((await app.post('/config/journal/777/revert')).status, 404)
  })

  test('a revert of a creation deletes, of a deletion creates, and of records does both', async (context) => {
    const app = await start(context)
    const created = revisionOf(await add(app, 'm'))
    assert.equal((await app.post(`/config/journal/${created}/revert?dry_run=true`)).status, 200)
    assert.ok(specOf(app, 'm'), 'a dry run changes nothing')
    assert.equal((await app.post(`/config/journal/${created}/revert`)).status, 200)
    assert.ok(!specOf(app, 'm'))
    await add(app, 'n')
    const deleted = revisionOf(await app.post('/model/delete', { id: 'n' }))
    assert.ok(!specOf(app, 'n'))
    assert.equal((await app.post(`/config/journal/${deleted}/revert`)).status, 200)
    assert.ok(specOf(app, 'n'))
    await app.put(['team', 't', { team_alias: 'T' }])
    const { revision } = await app.app.store.head()
    assert.equal((await app.post(`/config/journal/${revision}/revert`)).status, 200)
    assert.equal(await app.app.store.record('team', 't'), undefined)
  })

  test('a dry run names the models that would come and go', async (context) => {
    const app = await start(context)
    const body = { model_name: 'm', litellm_params: parameters() }
    const answer = await app.post('/model/new?dry_run=true', body)
    assert.equal(answer.status, 200)
    assert.deepEqual(jsonAt(answer.body, 'models_added'), ['m'])
    assert.ok(!JSON.stringify(answer.body).includes(secret))
    assert.ok(!specOf(app, 'm'))
  })

  test('status and replicas tell what runs here and elsewhere', async (context) => {
    const app = await start(context)
    const revision = revisionOf(await add(app, 'm'))
    await app.app.feed.confirm()
    const status = await app.get('/config/status')
    assert.equal(jsonAt(status.body, 'state'), 'synced')
    assert.equal(jsonAt(status.body, 'revision'), revision)
    assert.equal(jsonAt(status.body, 'applied_revision'), revision)
    assert.equal(jsonAt(status.body, 'store.up'), true)
    assert.equal(jsonAt(status.body, 'lease_valid'), true)
    assert.equal(jsonAt(status.body, 'replicas[0].self'), true)
    assert.deepEqual(jsonAt(status.body, 'sources[1].name'), 'database')
    const replicas = await app.get('/replicas')
    assert.equal(jsonAt(replicas.body, 'head_revision'), revision)
    assert.equal(jsonAt(replicas.body, 'replicas[0].revision'), revision)
    assert.equal(jsonAt(replicas.body, 'replicas[0].hash'), jsonAt(status.body, 'hash'))
    const waited = await app.post('/model/new?wait=all&timeout=2s', {
      model_name: 'w',
      litellm_params: parameters(),
    })
    assert.match(waited.headers.get('x-midflight-replicas') ?? '', /=\d+:applied$/)
  })

  test('every value says where it comes from and why it counts', async (context) => {
    const app = await start(context)
    await app.post('/config/update', { router_settings: { timeout: 77 } })
    await add(app, 'm')
    const { body } = await app.get('/config/effective?kind=settings')
    const values = jsonAt(body, 'resources[0].values')
    assert.ok(Array.isArray(values))
    const of = (path: string) => values.find((each: { path: string }) => each.path === path)
    assert.equal(of('router_settings.timeout').source, 'database')
    assert.equal(of('router_settings.timeout').why, 'the file does not set it')
    assert.equal(of('router_settings.num_retries').source, 'file')
    assert.match(of('router_settings.num_retries').origin, /config\.yaml:\d+:\d+/)
    const models = await app.get('/config/effective?kind=deployment')
    assert.equal(jsonAt(models.body, 'total'), 2)
    assert.ok(!JSON.stringify(models.body).includes(secret))
    assert.equal((await app.get('/config/effective?kind=nothing')).status, 400)
  })

  test('an idempotency key answers once: again the same, another request refused, another caller apart', async (context) => {
    const app = await start(context)
    const headers = { 'idempotency-key': 'k-1' }
    const body = { key_alias: 'one' }
    const first = await app.post('/key/generate', body, masterKey, headers)
    assert.equal(first.status, 200, JSON.stringify(first.body))
    const again = await app.post('/key/generate', body, masterKey, headers)
    assert.deepEqual(again.body, first.body)
    assert.equal(again.headers.get('idempotency-replayed'), 'true')
    assert.equal(again.headers.get('x-midflight-revision'), first.headers.get('x-midflight-revision'))
    assert.equal((await app.post('/key/generate', { key_alias: 'two' }, masterKey, headers)).status, 422)
    const both = await Promise.all(
      [1, 2, 3].map(() => app.post('/key/generate', { key_alias: 'three' }, masterKey, { 'idempotency-key': 'k-2' })),
    )
    assert.deepEqual(new Set(both.map((answer) => JSON.stringify(answer.body))).size, 1)
    const refused = await add(app, 'bad', { model: 'nobody/knows' }, { 'idempotency-key': 'k-3' })
    assert.equal(refused.status, 400)
    assert.equal((await app.post('/key/generate', {}, masterKey, { 'idempotency-key': '' })).status, 400)
  })
})
