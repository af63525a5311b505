import assert from 'node:assert/strict'
import { test } from 'node:test'
import { putCaller, putKey } from '../../../test/callers.ts'
import { startGateway } from '../../../test/gateway.ts'
import { playProvider } from '../../../test/played/provider.ts'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import { litellmParamsKeys } from '../../sources/litellm-yaml/documented-keys.ts'

/** A secret that can be told apart from all else, one for each place. */
function canary(place: string): string {
  return `sk-canary-${place.replace(/[^a-z0-9]/gi, '')}-0123456789abcdef`
}

/** Documented parameters whose value is no text, or is a choice: they have no room for a secret. */
const typed: ReadonlySet<string> = new Set([
  'model',
  'custom_llm_provider',
  'api_base',
  'base_url',
  'litellm_credential_name',
  'extra_headers',
  'extra_body',
  'mock_response',
  'drop_params',
  'additional_drop_params',
  'allowed_openai_params',
  'api_version',
])

test('a secret in any field of a deployment, a credential or the settings is in no answer, no figure and no log', async (context) => {
  const provider = await playProvider({ authenticate: false, behaviours: { ill: 'status=401' } })
  context.after(() => provider.close())
  const { app, call, post, get, chat, logged } = await startGateway(context)
  const params: Record<string, JsonValue> = {
    model: 'openai/ill',
    api_base: `${provider.url}/v1`,
    extra_headers: { 'x-canary': canary('header'), authorization: canary('authorization') },
    extra_body: { token: canary('body'), list: [{ secret: canary('list') }] },
    my_secret: canary('mysecret'),
    innocent: canary('innocent'),
    nested: { password: canary('password'), deep: { api_key: canary('deep') } },
  }
  for (const [key, { type }] of litellmParamsKeys) {
    if (typed.has(key) || /cost|pricing|timeout|retries|rpm|tpm|weight|order|parallel|cooldown|budget/.test(key))
      continue
    if (type !== 'refused') params[key] = canary(key)
  }
  const info: JsonObject = {
    id: 'm',
    note: canary('note'),
    some_key: canary('somekey'),
    deep: { token: canary('infotoken') },
  }
  const made = await post('/model/new', { model_name: 'm', litellm_params: params, model_info: info })
  assert.equal(made.status, 200, made.text)
  const values = {
    api_key: canary('credential'),
    api_base: `https://u:${canary('url')}@127.0.0.1/v1?k=${canary('query')}`,
    x: canary('x'),
  }
  const credential = await post('/credentials', {
    credential_name: 'c',
    credential_values: values,
    credential_info: { hint: canary('hint') },
  })
  const settings = await post('/config/update', {
    environment_variables: { SOME_VARIABLE: canary('variable') },
    litellm_settings: { success_callback: ['langfuse'], cache_params: { password: canary('cache') } },
    general_settings: { alert_to_webhook_url: `https://hooks.example/${canary('hook')}` },
  })
  const bodies = [made, credential, settings]
  bodies.push(await call('PATCH', '/model/m/update', { litellm_params: { my_secret: canary('patched') } }))
  bodies.push(
    await post('/model/update?dry_run=true', { model_info: { id: 'm' }, litellm_params: { my_secret: canary('dry') } }),
  )
  bodies.push(await call('PATCH', '/credentials/c', { credential_values: { x: canary('changed') } }))
  // What is refused is told with its place, not with its value.
  bodies.push(
    await post('/model/new', {
      model_name: 'bad',
      litellm_params: { ...params, model: 'openai/x', timeout: canary('timeout') },
    }),
  )
  bodies.push(
    await post('/model/new', { model_name: canary('unfinished'), litellm_params: { api_key: canary('invalid') } }),
  )
  bodies.push(await post('/config/update', { router_settings: { num_retries: canary('retries') } }))
  bodies.push(
    await post('/credentials', { credential_name: 1, credential_values: { api_key: canary('badcredential') } }),
  )
  bodies.push(await post('/health/test_connection', { litellm_params: { model: 'nope/x', api_key: canary('trial') } }))
  bodies.push(await chat('m'))
  const viewer = await putCaller(app, 'proxy_admin_viewer')
  const limited = await putKey(app, 'limited', { models: ['m'] })
  for (const route of app.routes) {
    if (route.method !== 'GET') continue
    for (const key of [undefined, viewer, limited]) {
      const path = route.path.replace(/\{[^}]*\}/, route.path.includes('credential') ? 'c' : 'm')
      bodies.push(
        await call('GET', `${path}${path === '/config/list' ? '?config_type=general_settings' : ''}`, undefined, key),
      )
    }
  }
  for (const path of [
    '/model/info?litellm_model_id=m',
    '/health?model_id=m',
    '/config/field/info?field_name=alert_to_webhook_url',
  ]) {
    bodies.push(await get(path))
  }
  for (const { text, headers } of bodies) {
    const all = `${text} ${JSON.stringify([...headers])}`
    const at = all.indexOf('canary-')
    // The name of a model, chosen by whoever created it, is no secret.
    if (at !== -1) assert.ok(all.slice(at).startsWith('canary-unfinished'), all.slice(Math.max(0, at - 200), at + 80))
  }
  const log = logged()
  assert.equal(
    log.indexOf('canary'),
    -1,
    log.slice(Math.max(0, log.indexOf('canary') - 200), log.indexOf('canary') + 80),
  )
})
