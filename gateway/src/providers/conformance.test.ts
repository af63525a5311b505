import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fixtureResponse, fixtureResponses } from '../../test/fixtures/read-response.ts'
import { type PlayedProvider, playProvider } from '../../test/played/provider.ts'
import { errorTable } from '../core/errors.ts'
import type { DialectName, Endpoint } from '../core/wire.ts'
import { dialectNamed } from '../dialects/index.ts'
import { isObject, type JsonObject } from '../lib/json.ts'
import { Secret } from '../lib/secret.ts'
import { providerNamed, providers } from './index.ts'
import type { Provider, ProviderSettings } from './provider.ts'

/** Modules of the shelf that hold no provider. Everything else here must be on the list. */
const support = new Set(
  'classify endpoint failure-text index infer openai-route provider retry-after setting-faults unserved upstream-error'
    .split(' ')
    .map((name) => `${name}.ts`),
)

const key = 'conformance-key-0123456789'
const place = { model: 'conformance-model', stream: false }

function settingsOf(provider: Provider, changes: Partial<ProviderSettings> = {}): ProviderSettings {
  const apiBase = provider.defaultBase === undefined ? 'https://upstream.example/base' : undefined
  return {
    apiKey: new Secret(key),
    apiBase,
    apiVersion: undefined,
    organization: undefined,
    extraHeaders: {},
    ...changes,
  }
}

function headersOf({ headers }: Endpoint): ReadonlyMap<string, string> {
  const entries: [string, string][] = []
  for (let index = 0; index < headers.length; index += 2) entries.push([headers[index] ?? '', headers[index + 1] ?? ''])
  return new Map(entries)
}

test('every provider of every file on the shelf is on the list', () => {
  const list = sourceOf('index.ts')
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  for (const file of files.filter((name) => !support.has(name))) {
    const declared = [...sourceOf(file).matchAll(/^export const (\w+): (?:readonly )?Provider\b/gm)].map(
      ([, name]) => name,
    )
    assert.ok(declared.length > 0, `${file} declares no provider; if it is not meant to, add it to \`support\` here`)
    const imported = new RegExp(`^import {([^}]*)} from '\\./${file.replace('.', '\\.')}'`, 'm').exec(list)?.[1] ?? ''
    const listed = /export const providers[^=]*= \[([^\]]*)\]/.exec(list)?.[1] ?? ''
    for (const name of declared) {
      const word = new RegExp(`\\b${name}\\b`)
      assert.ok(word.test(imported) && word.test(listed), `${name} of ${file} is missing from index.ts`)
    }
  }
})

function sourceOf(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
}

test('names are LiteLLM’s prefixes and are found', () => {
  assert.equal(new Set(providers.map(({ name }) => name)).size, providers.length)
  for (const provider of providers) {
    assert.match(provider.name, /^[a-z][a-z0-9_-]*$/)
    assert.equal(providerNamed(provider.name), provider)
  }
})

for (const provider of providers) {
  test(`${provider.name}: its label makes LiteLLM’s exception name, its variables are names of variables`, () => {
    assert.match(provider.label, /^[A-Z][A-Za-z0-9_-]*$/)
    const { apiKey, apiBase, apiVersion = [] } = provider.environment
    for (const name of [...apiKey, ...apiBase, ...apiVersion]) assert.match(name, /^[A-Z][A-Z0-9_]*$/)
    if (provider.name !== 'demo') assert.ok(apiKey.length > 0)
    if (provider.defaultBase === undefined) assert.ok(apiBase.length > 0, 'a required base needs a variable')
    else assert.match(provider.defaultBase, /^https?:\/\/[^?#\s]+[^/]$/)
  })

  test(`${provider.name}: each dialect is a known one with an endpoint of its shape`, () => {
    assert.ok(provider.speaks.length > 0)
    assert.equal(new Set(provider.speaks).size, provider.speaks.length)
    for (const dialect of provider.speaks) {
      assert.equal(dialectNamed(dialect).name, dialect)
      const { origin, path } = provider.endpoint(settingsOf(provider), dialect, place)
      assert.equal(new URL(origin).origin, origin)
      assert.doesNotMatch(path, /\/\/|\s|#|\?.*\?/)
      if (provider.name !== 'demo') assert.match(path.split('?')[0] ?? '', shapes[dialect])
    }
  })

  test(`${provider.name}: the key stands in one header and nowhere else`, () => {
    for (const dialect of provider.speaks) {
      const endpoint = provider.endpoint(settingsOf(provider), dialect, place)
      const carriers = [...headersOf(endpoint)].filter(([, value]) => value.includes(key)).map(([name]) => name)
      const expected = provider.name === 'demo' ? [] : [credentialHeader(provider, dialect)]
      assert.deepEqual(carriers, expected)
      assert.ok(!endpoint.path.includes(key) && !endpoint.origin.includes(key))
      const keyless = provider.endpoint(settingsOf(provider, { apiKey: undefined }), dialect, place)
      for (const [name] of headersOf(keyless)) assert.doesNotMatch(name, /authorization|key/)
    }
  })

  test(`${provider.name}: headers are lower case, once each, and say what kind of body goes and comes`, () => {
    const [dialect] = provider.speaks
    assert.ok(dialect)
    for (const stream of [false, true]) {
      const endpoint = provider.endpoint(settingsOf(provider), dialect, { ...place, stream })
      const headers = headersOf(endpoint)
      assert.equal(headers.size * 2, endpoint.headers.length)
      for (const name of headers.keys()) assert.equal(name, name.toLowerCase())
      assert.equal(headers.get('content-type'), 'application/json')
      assert.equal(headers.get('accept'), stream ? 'text/event-stream' : 'application/json')
    }
  })

  test(`${provider.name}: refusals, its own and its dialect’s, mean what they mean for all`, () => {
    const own = fixtureResponses().filter((name) => name.startsWith(`${provider.name}/`))
    const names =
      own.length > 0 ? own : fixtureResponses().filter((name) => name.startsWith(`${sharedFixtures(provider)}/`))
    assert.ok(names.length > 0, 'no recorded refusal, neither its own nor one of its dialect')
    for (const name of names) {
      const { status, headers, body } = fixtureResponse(name)
      const { code, message } = provider.classify(status, headers, body)
      assert.ok(code in errorTable)
      assert.match(code, /^(upstream_|context_window_exceeded$|content_policy_violation$)/)
      assert.ok(message.length > 0 && message.length <= 2000)
    }
    assert.equal(provider.classify(429, new Map([['retry-after', '315360000']]), '').retryAfterMs, 3_600_000)
  })

  test(`${provider.name}: what it renames it does not refuse, and names are plain`, () => {
    const refused = new Set(provider.refuses ?? [])
    for (const [from, to] of Object.entries(provider.renames ?? {})) {
      assert.match(`${from} ${to}`, /^[a-z_]+ [a-z_]+$/)
      assert.ok(!refused.has(from) && !refused.has(to))
    }
    assert.equal(refused.size, provider.refuses?.length ?? 0)
  })
}

const shapes: Readonly<Record<DialectName, RegExp>> = {
  'openai-chat': /\/chat\/completions$/,
  'openai-completions': /(?<!chat)\/completions$/,
  'openai-embeddings': /\/embeddings$/,
  'anthropic-messages': /\/v1\/messages$/,
  'anthropic-count-tokens': /\/v1\/messages\/count_tokens$/,
  gemini: /\/models\/conformance-model:generateContent$/,
  'gemini-embeddings': /\/models\/conformance-model:batchEmbedContents$/,
}

function credentialHeader(provider: Provider, dialect: DialectName): string {
  if (provider.name.startsWith('azure') && provider.name !== 'azure_ai') return 'api-key'
  if (dialect.startsWith('anthropic-')) return 'x-api-key'
  return dialect.startsWith('gemini') ? 'x-goog-api-key' : 'authorization'
}

function sharedFixtures(provider: Provider): string {
  const [dialect = ''] = provider.speaks
  if (dialect.startsWith('gemini')) return 'gemini'
  return dialect.startsWith('anthropic') ? 'anthropic' : 'openai'
}

/** The same question in the words of each dialect. */
const questions: Readonly<Partial<Record<DialectName, JsonObject>>> = {
  'openai-embeddings': { model: place.model, input: ['hello'] },
  'anthropic-count-tokens': { model: place.model, messages: [{ role: 'user', content: 'hello' }] },
}

function bodyFor(dialect: DialectName): JsonObject {
  const known = questions[dialect]
  if (known !== undefined) return known
  if (dialect === 'openai-completions') return { model: place.model, prompt: 'hello' }
  const wire = dialectNamed(dialect)
  const messages = [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }] as const
  if (wire.family === 'chat') {
    return wire.encodeRequest({ model: place.model, messages, stream: false, includeUsage: false, extra: {} }).body
  }
  assert.equal(wire.family, 'embeddings')
  return wire.encodeRequest({ model: place.model, input: ['hello'], format: 'float', extra: {} }).body
}

/** A base on the played server that ends as the provider's own does, so that its route is built in the same way. */
function playedBase(provider: Provider, url: string): string {
  return `${url}${provider.defaultBase === undefined ? '/base' : new URL(provider.defaultBase).pathname}`
}

test('every provider reaches a server that speaks its dialects, and is understood there', async () => {
  const played: PlayedProvider = await playProvider()
  try {
    for (const provider of providers.filter(({ name }) => name !== 'demo')) {
      const settings = settingsOf(provider, { apiBase: playedBase(provider, played.url) })
      for (const dialect of provider.speaks) {
        const endpoint = provider.endpoint(settings, dialect, place)
        const body = JSON.stringify(bodyFor(dialect))
        const headers = Object.fromEntries(headersOf(endpoint))
        const response = await fetch(endpoint.origin + endpoint.path, { method: 'POST', headers, body })
        const answer: unknown = await response.json()
        assert.equal(response.status, 200, `${provider.name} ${dialect}: ${JSON.stringify(answer)}`)
        assert.ok(isObject(answer))
        const wire = dialectNamed(dialect)
        if (wire.family === 'chat' || wire.family === 'embeddings') wire.decodeResponse(answer)
      }
    }
  } finally {
    await played.close()
  }
})
