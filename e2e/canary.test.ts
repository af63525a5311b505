import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { Client } from 'pg'
import { startPostgres } from '../gateway/test/databases.ts'
import { configText } from './config-file.ts'
import { type GatewayProcess, startGateway } from './processes.ts'
import { makeScratch } from './scratch.ts'
import { waitFor } from './wait.ts'

/** In every secret of this test and nowhere else. It looks like no provider's key, so no pattern finds it. */
const word = 'q7Canary'

/** A secret that can be told apart from all others by its place. */
function canary(place: string): string {
  return `${word}0${place}0Zx81kT`
}

const master = `sk-${canary('master')}`

interface Gathered {
  /** What was answered, with the request that asked for it. */
  readonly bodies: { readonly asked: string; readonly text: string }[]
}

/** Refuses everything but `fine`, and says in its refusal all that it was sent: headers, URL and body. */
async function startEcho(context: TestContext): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    const heard = `${request.url} ${JSON.stringify(request.headers)} ${body}`
    if (body.includes('"fine"')) {
      const message = { role: 'assistant', content: 'Well.' }
      const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
      const answer = { id: 'c', object: 'chat.completion', created: 1, model: 'fine', usage }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ ...answer, choices: [{ index: 0, message, finish_reason: 'stop' }] }))
      return
    }
    if (body.includes('"markup"')) {
      response.writeHead(502, { 'content-type': 'text/html' }).end(`<html><title>Bad</title><p>${heard}</p></html>`)
      return
    }
    if (body.includes('"late"') && body.includes('"stream":true')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(`data: ${JSON.stringify({ error: { message: `no more for ${heard}`, code: 'x' } })}\n\n`)
      return
    }
    response.writeHead(401, { 'content-type': 'application/json', 'x-heard': encodeURIComponent(heard) })
    const named = Object.values(request.headers).join(' ')
    const error = { message: `Access denied for ${named} as in ${heard}`, type: 'auth', code: 'invalid', param: heard }
    response.end(JSON.stringify({ error, heard }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

/** Puts secrets wherever one can be put, and asks for everything that could show them. */
async function exercise(gateway: GatewayProcess, echo: string): Promise<Gathered> {
  const bodies: Gathered['bodies'] = []
  const ask = async (method: string, path: string, body?: unknown, key = master): Promise<string> => {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    })
    const text = await response.text()
    bodies.push({ asked: `${method} ${path}`, text: `${text} ${JSON.stringify([...response.headers])}` })
    return text
  }
  const post = (path: string, body: unknown, key?: string) => ask('POST', path, body, key)
  const chat = (model: string, key?: string, more: object = {}) =>
    post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Hello' }], ...more }, key)

  const secrets = (place: string) => ({
    api_key: canary(`${place}key`),
    extra_headers: { 'x-tenant': canary(`${place}header`), cookie: `session=${canary(`${place}cookie`)}` },
    extra_body: { token: canary(`${place}body`), list: [{ password: canary(`${place}list`) }] },
    aws_access_key_id: canary(`${place}awsid`),
    aws_secret_access_key: canary(`${place}aws`),
    aws_session_token: canary(`${place}session`),
    vertex_credentials: JSON.stringify({ private_key: canary(`${place}vertex`) }),
    azure_ad_token: canary(`${place}azure`),
    client_secret: canary(`${place}client`),
    langfuse_secret_key: canary(`${place}langfuse`),
    my_secret: canary(`${place}own`),
  })
  const upstreams = ['fine', 'refused', 'markup', 'late']
  for (const name of upstreams) {
    const litellm_params = { model: `openai/${name}`, api_base: `${echo}/v1`, ...secrets(name) }
    await post('/model/new', { model_name: name, litellm_params, model_info: { id: name, note: 'open' } })
  }
  await post('/model/new', {
    model_name: 'claude',
    litellm_params: { model: 'anthropic/claude', api_base: echo, ...secrets('anthropic') },
    model_info: { id: 'claude' },
  })
  await post('/model/new', {
    model_name: 'gemini',
    litellm_params: { model: 'gemini/flash', api_base: echo, ...secrets('gemini') },
    model_info: { id: 'gemini' },
  })
  await post('/model/new', {
    model_name: 'by-credential',
    litellm_params: { model: 'openai/refused', litellm_credential_name: 'shared' },
    model_info: { id: 'by-credential' },
  })
  await post('/credentials', {
    credential_name: 'shared',
    credential_values: { api_key: canary('credential'), api_base: `${echo}/v1`, extra: canary('credentialextra') },
    credential_info: { custom_llm_provider: 'openai' },
  })
  await post('/model/new', {
    model_name: 'by-credential',
    litellm_params: { model: 'openai/refused', litellm_credential_name: 'shared' },
    model_info: { id: 'by-credential' },
  })
  await ask('PATCH', '/credentials/shared', { credential_values: { api_key: canary('credentialchanged') } })
  await post('/config/update', {
    environment_variables: { LANGFUSE_SECRET_KEY: canary('variable'), SLACK_WEBHOOK_URL: canary('slack') },
    litellm_settings: { success_callback: ['langfuse'], cache_params: { password: canary('cache') } },
    general_settings: { alert_to_webhook_url: { budget_alerts: `https://hooks.example/${canary('hook')}` } },
  })
  await post('/config/field/update', {
    field_name: 'master_key',
    field_value: `sk-${canary('othermaster')}`,
    config_type: 'general_settings',
  })
  const logging = (place: string) => ({
    metadata: {
      logging: [{ callback_name: 'langfuse', callback_vars: { langfuse_secret_key: canary(`${place}logging`) } }],
      callback_settings: { callback_vars: { langfuse_secret_key: canary(`${place}settings`) } },
    },
  })
  await post('/team/new', { team_id: 'team', team_alias: 'team', ...logging('team') })
  await post('/user/new', { user_id: 'ann', user_email: 'ann@example.com', ...logging('user'), auto_create_key: false })
  const key = `sk-${canary('virtual')}`
  await post('/key/generate', { key, key_alias: 'k', team_id: 'team', user_id: 'ann', ...logging('key') })
  await post('/key/update', { key, ...logging('keyupdated'), max_budget: 5 })
  await post('/key/generate', { key: `sk-${canary('second')}`, key_alias: 'second' })

  for (const model of [...upstreams, 'claude', 'gemini', 'by-credential', 'none-such']) {
    await chat(model, key)
    await chat(model, master, { stream: true })
    await post('/v1/messages', { model, max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }, key)
    await post('/v1/embeddings', { model, input: 'x' }, key)
  }
  // Keys that nobody has, in every place where a key is looked for; what is named is a caller's mistake, not a reason to repeat it.
  await chat('fine', `sk-${canary('unknown')}`)
  await chat('fine', canary('malformed'))
  await ask('GET', `/key/info?key=sk-${canary('unknowninfo')}`)
  await post('/key/delete', { keys: [`sk-${canary('unknowndelete')}`] })

  // Refused changes are told by their place.
  await post('/model/new', {
    model_name: 'bad',
    litellm_params: { model: 'openai/x', ...secrets('bad'), timeout: `sk-${canary('timeout')}` },
  })
  await post('/model/new', { litellm_params: { api_key: canary('unfinished') } })
  await post('/credentials', { credential_name: 1, credential_values: { api_key: canary('badcredential') } })
  await post('/config/update', { router_settings: { num_retries: canary('retries') } })
  await post('/key/generate', { key: `sk-${canary('badkey')}`, max_budget: 'much' })
  await post('/model/update?dry_run=true', { model_info: { id: 'fine' }, litellm_params: { api_key: canary('dry') } })
  await ask('PATCH', '/model/fine/update', { litellm_params: { my_secret: canary('patched') } })
  await post('/health/test_connection', {
    litellm_params: { model: 'openai/refused', api_base: `${echo}/v1`, ...secrets('trial') },
  })

  await post('/key/block', { key })
  await post('/key/unblock', { key })
  await post('/key/sk-none/regenerate', {})
  await post(`/key/${key}/regenerate`, { new_key: `sk-${canary('regenerated')}` })
  await post('/key/delete', { keys: [`sk-${canary('second')}`] })
  await readEverything(ask, `sk-${canary('regenerated')}`)
  await post('/config/journal/3/revert', {})
  await ask('GET', '/config/journal?limit=100')
  return { bodies }
}

/** Every route that is read, as the OpenAPI document lists them. */
async function readEverything(
  ask: (method: string, path: string, body?: unknown, key?: string) => Promise<string>,
  key: string,
): Promise<void> {
  const { paths }: { paths: Record<string, object> } = JSON.parse(await ask('GET', '/openapi.json'))
  for (const [path, methods] of Object.entries(paths)) {
    if (!('get' in methods)) continue
    for (const id of ['fine', 'shared', 'team', 'ann', '1', '5']) {
      const filled = path.replace(/\{[^}]*\}/g, id)
      await ask('GET', filled)
      if (filled === path) break
    }
    await ask('GET', path.replace(/\{[^}]*\}/g, 'fine'), undefined, key)
  }
  for (const path of [
    `/key/info?key=${key}`,
    '/key/list?return_full_object=true',
    '/team/info?team_id=team',
    '/user/info?user_id=ann',
    '/model/info?litellm_model_id=fine',
    '/config/list?config_type=general_settings',
    '/config/field/info?field_name=alert_to_webhook_url',
    '/spend/logs/export?format=csv&start_date=2020-01-01&end_date=2099-01-01',
    '/spend/logs/export?format=jsonl&start_date=2020-01-01&end_date=2099-01-01',
  ]) {
    await ask('GET', path)
  }
}

/** The word as it is, and as it is inside base64 at each of the three places it can begin at. */
const forms: readonly string[] = [
  word,
  ...[0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), Buffer.from(word)])
      .toString('base64')
      .slice(shift === 0 ? 0 : shift + 1, -4),
  ),
]

/** What stands around the first canary in it; `undefined`: there is none. */
function leakIn(content: Buffer | string): string | undefined {
  for (const form of forms) {
    const at = content.indexOf(form)
    if (at !== -1) return content.toString().slice(Math.max(0, at - 300), at + 120) || form
  }
  return undefined
}

async function leaksInFiles(directory: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const content = await readFile(path).catch(() => Buffer.alloc(0))
    const form = forms.find((each) => content.includes(each))
    if (form === undefined) continue
    const at = content.indexOf(form)
    found.push(`${path}: ${content.toString('latin1', Math.max(0, at - 200), at + 60)}`)
  }
  return found
}

/** Routes that answer the key that they made, or the one that they were asked about by its name. */
const tellsKey = /^(POST \/key\/(generate|update|delete|block|unblock|[^/]*\/?regenerate)|GET \/key\/info)/
const virtualKeys = /sk-q7Canary0(virtual|second|regenerated)0Zx81kT/g

for (const kind of ['sqlite', 'postgres'] as const) {
  describe(`secrets with ${kind}`, () => {
    it('are in no log, body, metric, file, ledger, journal or dump', async (context) => {
      const postgres = kind === 'postgres' ? await startPostgres() : undefined
      if (kind === 'postgres' && postgres === undefined) return context.skip('PostgreSQL is not installed')
      context.after(() => postgres?.stop())
      const scratch = await makeScratch()
      context.after(() => scratch.remove())
      const echo = await startEcho(context)
      const config = join(scratch.path, 'config.yaml')
      const model = { model: 'openai/refused', api_base: `${echo}/v1`, api_key: 'os.environ/CANARY_KEY' }
      await writeFile(
        config,
        configText({
          model_list: [{ model_name: 'from-file', litellm_params: model, model_info: { id: 'from-file' } }],
          general_settings: { store_model_in_db: true },
          router_settings: { num_retries: 1 },
        }),
      )
      const gateway = await startGateway({
        config,
        key: master,
        flags: ['--detailed_debug'],
        environment: {
          CANARY_KEY: canary('environment'),
          LITELLM_SALT_KEY: canary('salt'),
          ...(postgres === undefined ? {} : { DATABASE_URL: withPassword(postgres.url) }),
        },
        dataDir: join(scratch.path),
      })
      context.after(() => gateway.stop())
      const { bodies } = await exercise(gateway, echo)
      assert.ok(bodies.length > 150, `${bodies.length} answers`)
      const ok = bodies.filter(({ asked }) => asked === 'POST /model/new').slice(0, 4)
      for (const { text } of ok) assert.match(text, /"model_id"/)
      await waitFor('rows of the ledger', async () =>
        /"request_id"/.test(await (await gateway.fetch('/spend/logs')).text()),
      )

      const leaks = bodies.flatMap(({ asked, text }) => {
        const leak = leakIn(tellsKey.test(asked) ? text.replaceAll(virtualKeys, '') : text)
        return leak === undefined ? [] : [`${asked}: ${leak}`]
      })
      assert.deepEqual(leaks, [], 'bodies')
      assert.equal(leakIn(await (await gateway.fetch('/metrics')).text()), undefined, 'metrics')
      assert.deepEqual(await leaksInFiles(scratch.path), [], 'files while it runs')
      if (postgres !== undefined) await checkPostgres(postgres.url)
      await gateway.stop()
      assert.equal(leakIn(gateway.stdout()), undefined, 'standard output')
      assert.equal(leakIn(gateway.stderr()), undefined, 'log')
      assert.deepEqual(await leaksInFiles(scratch.path), [], 'files after it ended')
    })
  })
}

function withPassword(url: string): string {
  const named = new URL(url)
  named.password = canary('database')
  return named.href
}

/** Its dump, and its files with the write-ahead log. */
async function checkPostgres(url: string): Promise<void> {
  const dump = spawnSync('pg_dump', ['--dbname', url], { maxBuffer: 1 << 30 })
  assert.ok(dump.stdout.length > 10_000, dump.stderr.toString())
  assert.equal(leakIn(dump.stdout), undefined, 'dump')
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query('CHECKPOINT')
  const { rows } = await client.query('SHOW data_directory')
  await client.end()
  assert.deepEqual(await leaksInFiles(String(rows[0]?.data_directory)), [], 'files of the database')
}
