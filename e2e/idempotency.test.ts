import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { onEveryStore, placeOfEachTest } from '../gateway/test/opened-store.ts'
import { configText } from './config-file.ts'
import { type GatewayProcess, startGateway } from './processes.ts'
import { makeScratch, type Scratch } from './scratch.ts'
import { waitFor } from './wait.ts'

const salt = 'sk-e2e-salt'

interface Asked {
  readonly method: string
  readonly path: string
  readonly body?: object
  /** How many changes it makes; 1 unless given. */
  readonly changes?: number
}

interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: assertions reach deep into bodies whose form is what they assert.
  readonly body: any
}

async function ask(gateway: GatewayProcess, { method, path, body }: Asked, headers = {}): Promise<Answered> {
  const response = await gateway.fetch(path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: text === '' ? undefined : JSON.parse(text) }
}

async function done(gateway: GatewayProcess, path: string, body: object): Promise<Answered['body']> {
  const answer = await ask(gateway, { method: 'POST', path, body })
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

onEveryStore('a gateway that is killed between the commit and the answer', (kind) => {
  const place = placeOfEachTest(kind)
  let scratch: Scratch

  before(async () => {
    scratch = await makeScratch()
    const litellm_params = { model: 'openai/alpha', api_key: 'none', mock_response: 'hello' }
    await writeFile(
      scratch.file('config.yaml'),
      configText({
        model_list: [{ model_name: 'alpha', litellm_params }],
        general_settings: { store_model_in_db: true },
      }),
    )
  })
  after(() => scratch.remove())

  function start(): Promise<GatewayProcess> {
    const { databaseUrl, dataDirectory } = place
    return startGateway({
      config: scratch.file('config.yaml'),
      dataDir: dataDirectory,
      environment: { LITELLM_SALT_KEY: salt, ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }) },
    })
  }

  async function chat(gateway: GatewayProcess, key: string) {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'alpha', messages: [{ role: 'user', content: 'hi' }] }),
    })
    return { status: response.status, text: await response.text() }
  }

  test('made each change once, and the request that is sent again gets its answer', { timeout: 60_000 }, async () => {
    const victim = await start()
    const plain: string[] = []
    for (let count = 0; count < 4; count += 1) plain.push((await done(victim, '/key/generate', {})).key)
    const [replaced = '', deleted = '', ...changed] = plain
    await done(victim, '/team/new', { team_id: 'team' })
    await done(victim, '/organization/new', { organization_alias: 'leaving', organization_id: 'o' })
    await done(victim, '/credentials', { credential_name: 'leaving', credential_values: { api_key: 'x' } })
    const model = { model_name: 'leaving', litellm_params: { model: 'openai/x', api_key: 'none' } }
    await done(victim, '/model/new', { ...model, model_info: { id: 'leaving' } })
    const tag = await ask(victim, { method: 'POST', path: '/tag/new', body: { name: 'undone' } })
    const undone = tag.headers.get('x-midflight-revision')

    const post = (path: string, body: object, changes = 1): Asked => ({ method: 'POST', path, body, changes })
    const asked: readonly Asked[] = [
      post('/key/generate', { key_alias: 'made', spend: 2 }),
      post('/key/regenerate', { key: replaced }),
      post('/user/new', { user_id: 'u', user_email: 'U@x.test' }),
      post('/key/delete', { keys: [deleted] }),
      post('/key/bulk_update', { keys: changed.map((key) => ({ key, max_budget: 3 })) }, 2),
      post('/team/new', { team_alias: 'made' }),
      post('/team/bulk_member_add', { team_id: 'team', members: ['a', 'b', 'c'].map(memberOf) }, 3),
      { method: 'DELETE', path: '/organization/delete', body: { organization_ids: ['o'] } },
      post('/model/new', { ...model, model_name: 'made' }),
      post('/model/delete', { id: 'leaving' }),
      { method: 'DELETE', path: '/credentials/leaving' },
      post('/config/update', { router_settings: { num_retries: 4 } }),
      post(`/config/journal/${undone}/revert`, {}),
      post('/v1/access_group', { access_group_name: 'made', access_model_names: ['alpha'] }),
      post('/budget/new', { max_budget: 1 }),
      post('/schedule/model_cost_map_reload?hours=5', {}),
    ]
    const headersOf = (index: number) => ({ 'idempotency-key': `killed-${index}` })

    // A replica that is alive and confirms nothing: what is committed is not answered.
    const { store } = place.open()
    await store.start()
    const silent = { label: 'silent', version: '0', startedAt: 0, revision: 0, generation: 0, leaseMs: 600_000 }
    const nothing = { hash: undefined, state: 'synced', refusedRevision: undefined, refusal: undefined }
    await store.report({ id: 'silent', draining: false, ...silent, ...nothing })
    let answered = 0
    for (const [index, each] of asked.entries()) {
      const { revision } = await store.head()
      ask(victim, waiting(each), headersOf(index)).then(
        () => {
          answered += 1
        },
        () => undefined,
      )
      await waitFor(`the commit of ${each.path}`, async () => (await store.head()).revision > revision)
    }
    assert.equal(answered, 0, 'nothing was answered yet')
    victim.signal('SIGKILL')
    await victim.exited
    await store.forget('silent')

    const heir = await start()
    const again = () => Promise.all(asked.map((each, index) => ask(heir, waiting(each), headersOf(index))))
    const answers = await again()
    for (const [index, answer] of answers.entries()) {
      const { path = '', changes = 1 } = asked[index] ?? {}
      assert.ok(answer.status < 300, `${path}: ${answer.text}`)
      assert.equal(answer.headers.get('idempotency-replayed'), 'true', path)
      const entries = (await store.journal({ limit: 500 })).filter(({ actor }) => actor.via.endsWith(pathOf(path)))
      const before = path === '/key/generate' ? plain.length : ['/team/new', '/model/new'].includes(path) ? 1 : 0
      assert.equal(entries.length, before + changes, path)
    }
    assert.deepEqual(
      (await again()).map(({ text }) => text),
      answers.map(({ text }) => text),
    )

    const [generated, regenerated, user, removed, bulk, , members, organizations, made] = answers.map(
      ({ body }) => body,
    )
    const calls: readonly [string, number][] = [
      ...[generated, regenerated, user].map(({ key }): [string, number] => [key, 200]),
      ...[replaced, deleted].map((key): [string, number] => [key, 401]),
    ]
    for (const [key, status] of calls) {
      const answer = await chat(heir, key)
      assert.equal(answer.status, status, answer.text)
    }
    const info = await ask(heir, { method: 'GET', path: `/key/info?key=${generated.key}` })
    assert.equal(info.body.info.spend, 2, info.text)
    assert.deepEqual(removed.deleted_keys, [deleted])
    assert.deepEqual([bulk.successful_updates.length, bulk.failed_updates], [2, []])
    assert.equal(members.successful_additions, 3, JSON.stringify(members))
    assert.equal(organizations[0].organization_id, 'o')
    const found = await ask(heir, { method: 'GET', path: `/model/info?litellm_model_id=${made.model_id}` })
    assert.equal(found.body.data[0].model_name, 'made', found.text)
    assert.ok(Date.parse(made.updated_at) > 1e12)
    await heir.stop()
  })
})

function memberOf(id: string) {
  return { role: 'user', user_id: id }
}

function pathOf(path: string): string {
  return path.replace(/\?.*/, '')
}

function waiting(asked: Asked): Asked {
  return { ...asked, path: `${asked.path}${asked.path.includes('?') ? '&' : '?'}wait=all&timeout=60s` }
}
