import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Route } from './route.ts'
import { routeAllowed } from './route-groups.ts'

function route(path: string, more: Partial<Route> = {}): Route {
  return { method: 'POST', path, access: 'caller', handle() {}, ...more }
}

const chat = route('/v1/chat/completions', { dialect: 'openai-chat' })
const azure = route('/openai/deployments/{model}/chat/completions', { dialect: 'openai-chat' })
const messages = route('/v1/messages', { dialect: 'anthropic-messages' })
const models = route('/v1/models', { method: 'GET' })
const newKey = route('/key/generate', { access: ['proxy_admin'] })
const keyInfo = route('/key/info', { method: 'GET' })
const newModel = route('/model/new', { access: ['proxy_admin'] })
const spend = route('/spend/logs', { method: 'GET', access: ['proxy_admin'] })
const all = { chat, azure, messages, models, newKey, keyInfo, newModel, spend }

function allowed(...names: readonly string[]): readonly string[] {
  return Object.entries(all)
    .filter(([, each]) => routeAllowed(names, each, each.path.replace('{model}', 'gpt-4')))
    .map(([name]) => name)
}

test('no list allows what the role allows', () => {
  assert.deepEqual(allowed(), Object.keys(all))
})

test('routes are named by path, by a path with a final star, or by group', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['/v1/chat/completions', ['chat']],
    ['/chat/completions', []],
    ['/v1/*', ['chat', 'messages', 'models']],
    ['/openai/deployments/{model}/chat/completions', ['azure']],
    ['/openai/deployments/gpt-4/chat/completions', ['azure']],
    ['/openai/deployments/gpt-4o/*', []],
    ['*', Object.keys(all)],
    ['openai_routes', ['chat', 'azure', 'models']],
    ['anthropic_routes', ['messages']],
    ['llm_api_routes', ['chat', 'azure', 'messages', 'models']],
    ['info_routes', ['models', 'keyInfo']],
    ['management_routes', ['newKey', 'keyInfo', 'newModel']],
    ['key_management_routes', ['newKey', 'keyInfo']],
    ['spend_tracking_routes', ['spend']],
    ['mcp_routes', []],
    ['no_such_routes', []],
    ['', []],
    ['/key', []],
    ['constructor', []],
  ]
  for (const [name, expected] of cases) assert.deepEqual(allowed(name), expected, name)
  assert.deepEqual(allowed('anthropic_routes', '/key/info'), ['messages', 'keyInfo'])
})
