import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Declaration, model, prepareOnce } from '../../../test/control-plane.ts'
import type { Deployment } from '../../core/deployment.ts'
import type { InputUri } from '../../core/input.ts'
import { problemToLine } from '../../core/problem.ts'
import type { JsonObject } from '../../lib/json.ts'

async function compile(
  params: JsonObject,
  {
    name = 'a',
    info = {},
    inputs,
    credentials,
  }: {
    readonly name?: string
    readonly info?: JsonObject
    readonly inputs?: Readonly<Record<InputUri, string>>
    readonly credentials?: NonNullable<Declaration['credentials']>
  } = {},
): Promise<Deployment> {
  const spec = { ...model(name, '1', params), model_info: { id: '1', ...info } }
  const { prepared, problems } = await prepareOnce({ models: [spec], ...(credentials && { credentials }) }, inputs)
  const deployment = prepared?.deployments.get('1')
  if (deployment === undefined) throw new Error(problems.map(problemToLine).join('\n'))
  return deployment
}

async function problemsOf(
  params: JsonObject,
  name = 'a',
  inputs?: Readonly<Record<InputUri, string>>,
): Promise<string[]> {
  const { problems } = await prepareOnce({ models: [model(name, '1', params)] }, inputs)
  return problems.map(({ severity, path, message }) => `${severity} ${path.replace('model_list[0].', '')}: ${message}`)
}

function headersOf(deployment: Deployment, name: string): string | undefined {
  const [dialect] = deployment.speaks
  assert.ok(dialect)
  const { headers } = deployment.endpoint(dialect, { model: deployment.upstreamModel, stream: false })
  return headers[headers.indexOf(name) + 1]
}

test('every field that LiteLLM users write is where the data plane looks for it', async () => {
  const deployment = await compile(
    {
      model: 'openai/gpt-4o',
      api_base: 'https://example.com/v1/',
      organization: 'org-1',
      weight: 3,
      rpm: 10,
      tpm: 1000,
      order: 2,
      max_parallel_requests: 4,
      timeout: 30,
      stream_timeout: '2.5',
      num_retries: 1,
      max_retries: 5,
      cooldown_time: 0,
      drop_params: true,
      additional_drop_params: ['logit_bias', 'tools[*].strict'],
      allowed_openai_params: ['seed'],
      extra_headers: { 'x-team': 'blue' },
      extra_body: { top_k: 3 },
      temperature: 0.2,
      max_tokens: 100,
      stop: null,
      input_cost_per_token: '1e-6',
      cache_read_input_token_cost: 0,
    },
    { info: { output_cost_per_token: 0.00002, mode: 'chat', anything: [1] } },
  )
  const { endpoint, classify, pool, ...values } = deployment
  assert.deepEqual(values, {
    id: '1',
    modelName: 'a',
    provider: 'openai',
    providerLabel: 'OpenAI',
    upstreamModel: 'gpt-4o',
    apiBase: 'https://example.com/v1',
    speaks: deployment.speaks,
    weight: 3,
    order: 2,
    maxParallel: 4,
    limits: { requestsPerMinute: 10, tokensPerMinute: 1000, maxBudget: undefined, budgetDuration: undefined },
    timeouts: { totalMs: 30_000, streamTotalMs: 2_500 },
    retries: 1,
    cooldownMs: 0,
    parameters: {
      unsupported: 'drop',
      alwaysDrop: ['logit_bias', 'tools[*].strict'],
      alwaysPass: ['seed'],
      refuses: deployment.parameters.refuses,
      renames: deployment.parameters.renames,
    },
    defaults: { temperature: 0.2, max_tokens: 100, extra_body: { top_k: 3 } },
    chatDefaults: { temperature: 0.2, maxOutputTokens: 100, extra: {} },
    mockResponse: undefined,
    pricing: {
      own: { input_cost_per_token: '1e-6', output_cost_per_token: 0.00002, cache_read_input_token_cost: 0 },
      baseModel: undefined,
    },
    info: { id: '1', output_cost_per_token: 0.00002, mode: 'chat', anything: [1] },
    blocked: false,
    unserved: false,
    teamId: undefined,
  })
  assert.equal(pool.origin, 'https://example.com')
  assert.equal(typeof endpoint, 'function')
  assert.equal(classify(429, new Map(), '{}').code, 'upstream_rate_limited')
  assert.equal(headersOf(deployment, 'x-team'), 'blue')
})

test('what is not written is left to the router', async () => {
  const deployment = await compile({ timeout: null, weight: null, drop_params: null })
  assert.deepEqual(deployment.timeouts, { totalMs: undefined, streamTotalMs: undefined })
  assert.deepEqual([deployment.weight, deployment.order], [1, Number.MAX_SAFE_INTEGER])
  assert.deepEqual(
    [deployment.retries, deployment.cooldownMs, deployment.maxParallel],
    [undefined, undefined, undefined],
  )
  assert.deepEqual([deployment.pricing.own, deployment.chatDefaults, deployment.defaults], [undefined, undefined, {}])
  assert.equal(deployment.parameters.unsupported, undefined)
})

test('the share of calls is the weight, else rpm, else tpm', async () => {
  assert.equal((await compile({ weight: 0, rpm: 5 })).weight, 0)
  assert.equal((await compile({ rpm: '5', tpm: 7 })).weight, 5)
  assert.equal((await compile({ tpm: 7 })).weight, 7)
})

test('a compiled deployment cannot be changed by anybody', async () => {
  const deployment = await compile({ extra_body: { a: { b: 1 } }, stop: ['x'] })
  assert.ok(
    Object.isFrozen(deployment) && Object.isFrozen(deployment.timeouts) && Object.isFrozen(deployment.parameters),
  )
  assert.throws(() => Object.assign(deployment.defaults.extra_body as object, { a: 2 }), TypeError)
  assert.throws(() => (deployment.defaults.stop as unknown[]).push('y'), TypeError)
})

test('an endpoint is made once per dialect and kind of answer, and anew for the models of a wildcard', async () => {
  const exact = await compile({ model: 'openai/gpt-4o' })
  const once = exact.endpoint('openai-chat', { model: 'gpt-4o', stream: true })
  assert.equal(exact.endpoint('openai-chat', { model: 'gpt-4o', stream: true }), once)
  assert.notEqual(exact.endpoint('openai-chat', { model: 'gpt-4o', stream: false }), once)
  const azure = await compile(
    { model: 'azure/*', api_base: 'https://x.openai.azure.com', api_key: 'k' },
    { name: 'azure/*' },
  )
  assert.equal(azure.upstreamModel, '*')
  assert.match(azure.endpoint('openai-chat', { model: 'gpt-4o', stream: false }).path, /\/deployments\/gpt-4o\//)
  assert.match(azure.endpoint('openai-chat', { model: 'o3', stream: false }).path, /\/deployments\/o3\//)
})

test('the key comes from the deployment, else its credential, else the first of the provider variables that is set', async () => {
  const inputs = { 'env:ANTHROPIC_API_KEY': 'k-environment', 'env:EMPTY': '' } as const
  const credentials = [
    { credential_name: 'c', credential_values: { api_key: 'k-credential', api_base: 'http://127.0.0.1:2' } },
  ]
  const base = { model: 'anthropic/claude-sonnet-4-5', api_base: null }
  const keyOf = async (params: JsonObject): Promise<string | undefined> =>
    headersOf(await compile({ ...base, ...params }, { inputs, credentials }), 'x-api-key')
  assert.equal(await keyOf({ api_key: 'k-own', litellm_credential_name: 'c' }), 'k-own')
  assert.equal(await keyOf({ api_key: null, litellm_credential_name: 'c' }), 'k-credential')
  assert.equal(await keyOf({ api_key: '' }), 'k-environment')
  const deployment = await compile({ ...base, api_key: null, litellm_credential_name: 'c' }, { inputs, credentials })
  assert.equal(deployment.apiBase, 'http://127.0.0.1:2')
})

test('a credential may hold references, and other values of it are named as without effect', async () => {
  const { prepared, problems } = await prepareOnce(
    {
      credentials: [
        {
          credential_name: 'c',
          credential_values: { api_key: 'os.environ/K', aws_region_name: 'eu' },
          credential_info: {},
        },
      ],
      models: [model('a', '1', { api_key: null, litellm_credential_name: 'c' })],
    },
    { 'env:K': 'from-environment' },
  )
  const deployment = prepared?.deployments.get('1')
  assert.ok(deployment)
  assert.equal(headersOf(deployment, 'authorization'), 'Bearer from-environment')
  assert.deepEqual(
    problems.map(({ path, code }) => [path, code]),
    [['credential_list[0].credential_values.aws_region_name', 'key_not_supported']],
  )
})

test('a reference without content is not replaced by a provider variable', async () => {
  assert.deepEqual(await problemsOf({ api_key: 'os.environ/NOPE' }, 'a', { 'env:OPENAI_API_KEY': 'k' }), [
    'error litellm_params.api_key: the environment variable NOPE is not set',
  ])
})

test('references are resolved wherever a parameter holds one, and model_info stays as written', async () => {
  const deployment = await compile(
    {
      timeout: 'os.environ/T',
      extra_headers: { 'x-a': 'os.environ/H' },
      extra_body: { list: ['os.environ/H', 'plain'] },
      user: 'file:/run/user',
    },
    { inputs: { 'env:T': '7', 'env:H': 'header', 'file:/run/user': 'me' }, info: { note: 'os.environ/SECRET' } },
  )
  assert.equal(deployment.timeouts.totalMs, 7_000)
  assert.equal(headersOf(deployment, 'x-a'), 'header')
  assert.deepEqual(deployment.defaults, { extra_body: { list: ['header', 'plain'] }, user: 'me' })
  assert.equal(deployment.info.note, 'os.environ/SECRET')
})

test('a mocked deployment needs neither key nor address', async () => {
  const mocked = await compile({ model: 'azure/x', api_key: null, api_base: null, mock_response: 'hello' })
  assert.equal(mocked.mockResponse, 'hello')
  assert.equal((await compile({ mock_response: { a: 1 } })).mockResponse, '{"a":1}')
})

test('LiteLLM parameters that mean nothing to a provider are named and not sent', async () => {
  const params = {
    vertex_project: 'p',
    litellm_session_id: 's',
    use_in_pass_through: true,
  }
  const { prepared, problems } = await prepareOnce({ models: [model('a', '1', { ...params, top_k: 4 })] })
  assert.deepEqual(prepared?.deployments.get('1')?.defaults, { top_k: 4 })
  assert.deepEqual(
    problems.map(({ code, path }) => [code, path.slice(path.lastIndexOf('.') + 1)]),
    Object.keys(params).map((key) => ['key_not_supported', key]),
  )
})

test('a default that no chat takes is named; the others still hold for translated calls', async () => {
  const { prepared, problems } = await prepareOnce({
    models: [model('whisper', '1', { response_format: 'verbose_json', temperature: 0 })],
  })
  const deployment = prepared?.deployments.get('1')
  assert.deepEqual(deployment?.chatDefaults, { temperature: 0, extra: {} })
  assert.deepEqual(deployment?.defaults, { response_format: 'verbose_json', temperature: 0 })
  assert.deepEqual(
    problems.map(({ code, severity }) => [code, severity]),
    [['key_refused', 'warning']],
  )
})

test('a deployment of a provider that only LiteLLM serves is kept, blocked, and told; a mocked one answers', async () => {
  const { prepared, problems } = await prepareOnce({
    models: [
      model('claude', '1', { model: 'bedrock/anthropic.claude-v2' }),
      model('claude', '2', { model: 'x', custom_llm_provider: 'vertex_ai' }),
      model('claude', '3'),
      model('mocked', '4', { model: 'sagemaker/y', mock_response: 'hi' }),
    ],
  })
  const told = (id: string) => {
    const deployment = prepared?.deployments.get(id)
    return [deployment?.provider, deployment?.upstreamModel, deployment?.blocked]
  }
  assert.deepEqual(told('1'), ['bedrock', 'anthropic.claude-v2', true])
  assert.deepEqual(told('2'), ['vertex_ai', 'x', true])
  assert.deepEqual(told('4'), ['sagemaker', 'y', false])
  assert.deepEqual(
    problems.map(({ code, severity }) => [code, severity]),
    [
      ['provider_not_served', 'warning'],
      ['provider_not_served', 'warning'],
    ],
  )
})

/** Every mutation of a good deployment is refused or served as this table says, never discovered by the first call (F23, F29). */
const refused: readonly (readonly [params: JsonObject, problem: string])[] = [
  [{ model: null }, 'model: expected a model name, found nothing'],
  [{ model: '' }, 'model: expected a model name, found an empty text'],
  [{ model: ['x'] }, 'model: expected a model name, found a list'],
  [{ model: 'nope/x' }, 'model: unknown provider `nope`'],
  [{ model: 'openai/*' }, 'model: expected a model without `*`, because `model_name` has none, found `openai/*`'],
  [{ custom_llm_provider: 'opena' }, 'custom_llm_provider: unknown provider `opena`'],
  [{ custom_llm_provider: {} }, 'custom_llm_provider: expected a text, found a mapping'],
  [{ api_key: ['k'] }, 'api_key: expected a text, found a list'],
  [{ api_key: true }, 'api_key: expected a text, found true or false'],
  [{ api_base: 'example.com' }, 'api_base: expected an http:// or https:// URL, found "example.com"'],
  [{ api_base: 'ftp://example.com' }, 'api_base: expected an http:// or https:// URL, found "ftp://example.com"'],
  [{ api_base: 'http://' }, 'api_base: expected an http:// or https:// URL, found "http:"'],
  [{ api_base: { url: 'x' } }, 'api_base: expected a text, found a mapping'],
  [{ base_url: 5, api_base: null }, 'base_url: expected an http:// or https:// URL, found "5"'],
  [{ timeout: 'fast' }, 'timeout: expected a number of seconds above 0, found "fast"'],
  [{ timeout: 0 }, 'timeout: expected a number of seconds above 0, found 0'],
  [{ timeout: -1 }, 'timeout: expected a number of seconds above 0, found -1'],
  [{ timeout: true }, 'timeout: expected a number of seconds above 0, found true'],
  [{ timeout: [] }, 'timeout: expected a number of seconds above 0, found an empty list'],
  [{ timeout: '' }, 'timeout: expected a number of seconds above 0, found an empty text'],
  [{ timeout: '10s' }, 'timeout: expected a number of seconds above 0, found "10s"'],
  [{ timeout: Number.POSITIVE_INFINITY }, 'timeout: expected a number of seconds above 0, found Infinity'],
  [{ timeout: Number.NaN }, 'timeout: expected a number of seconds above 0, found NaN'],
  [{ stream_timeout: {} }, 'stream_timeout: expected a number of seconds above 0, found a mapping'],
  [{ weight: -1 }, 'weight: expected a number, 0 or more, found -1'],
  [{ weight: 'heavy' }, 'weight: expected a number, 0 or more, found "heavy"'],
  [{ rpm: -5 }, 'rpm: expected a number, 0 or more, found -5'],
  [{ tpm: [1] }, 'tpm: expected a number, 0 or more, found a list'],
  [{ order: 1.5 }, 'order: expected a whole number, found 1.5'],
  [{ order: 'first' }, 'order: expected a whole number, found "first"'],
  [{ max_parallel_requests: 0 }, 'max_parallel_requests: expected a whole number, 1 or more, found 0'],
  [{ max_parallel_requests: 1e300 }, 'max_parallel_requests: expected a whole number, 1 or more, found 1e+300'],
  [{ num_retries: -1 }, 'num_retries: expected a whole number, 0 or more, found -1'],
  [{ max_retries: 2.5 }, 'max_retries: expected a whole number, 0 or more, found 2.5'],
  [{ cooldown_time: -1 }, 'cooldown_time: expected a number of seconds, 0 or more, found -1'],
  [{ allowed_openai_params: 'free' }, 'allowed_openai_params: expected a list of names, found "free"'],
  [{ allowed_openai_params: [{}] }, 'allowed_openai_params[0]: expected a name, found a mapping'],
  [{ drop_params: 'maybe' }, 'drop_params: expected true, false, `error`, `drop` or `pass`, found "maybe"'],
  [{ drop_params: 1 }, 'drop_params: expected true, false, `error`, `drop` or `pass`, found 1'],
  [{ additional_drop_params: 'x' }, 'additional_drop_params: expected a list of names, found "x"'],
  [{ allowed_openai_params: [null] }, 'allowed_openai_params[0]: expected a name, found nothing'],
  [{ extra_headers: ['x'] }, 'extra_headers: expected a mapping, found a list'],
  [{ extra_headers: { 'x-a': [] } }, 'extra_headers.x-a: expected a text, found an empty list'],
  [
    { extra_headers: { 'x a': 'b' } },
    'extra_headers.x a: expected the name of a header, found a name with characters that none may have',
  ],
  [
    { extra_headers: { 'content-length': '5' } },
    'extra_headers.content-length: expected a header that the gateway does not set itself, found `content-length`',
  ],
  [
    { api_key: 'a\nb' },
    'api_key: expected one line, found a line break; is there one at the end of the file or variable it comes from?',
  ],
  [
    { api_key: 'schlüssel→' },
    'api_key: expected characters that a header may carry, found a control character or one beyond Latin-1',
  ],
  [{ extra_body: 'x' }, 'extra_body: expected a mapping, found "x"'],
  [{ mock_response: 5 }, 'mock_response: expected a text, found 5'],
  [{ input_cost_per_token: -1 }, 'input_cost_per_token: expected a price in USD, 0 or more, found -1'],
  [{ output_cost_per_token: 'free' }, 'output_cost_per_token: expected a price in USD, 0 or more, found "free"'],
]

for (const [params, expected] of refused) {
  test(`refused: ${JSON.stringify(params)}`, async () => {
    assert.deepEqual(await problemsOf(params), [`error litellm_params.${expected}`])
  })
}

test('refused: a name with two stars, and a deployment that is no deployment', async () => {
  assert.deepEqual(await problemsOf({}, 'a*b*'), [
    'error model_name: expected a name with at most one `*`, found "a*b*"',
  ])
  const { problems } = await prepareOnce({ models: [{ model_name: 5, litellm_params: [], model_info: 'x' }] })
  assert.deepEqual(
    problems.map(({ path, message }) => `${path}: ${message}`),
    [
      'model_list[0].litellm_params: expected a mapping, found an empty list',
      'model_list[0].model_info: expected a mapping, found "x"',
    ],
  )
})

/** Unusual and right. */
const served: readonly JsonObject[] = [
  { api_base: 'http://127.0.0.1:9/v1//' },
  { api_base: ' http://127.0.0.1:9 ' },
  { timeout: 1e9 },
  { timeout: 0.0001 },
  { weight: '0.5' },
  { order: -1 },
  { drop_params: 'True' },
  { api_key: 12345 },
  { model: 'gpt-4o' },
  { model: 'gpt-4o', custom_llm_provider: 'openai' },
  { model: 'openai/org/model:tag' },
  { extra_headers: null, extra_body: null, mock_response: null, organization: null },
]

for (const params of served) {
  test(`served: ${JSON.stringify(params)}`, async () => {
    const deployment = await compile(params)
    const [dialect] = deployment.speaks
    assert.ok(dialect && deployment.endpoint(dialect, { model: deployment.upstreamModel, stream: true }).path)
    assert.ok((deployment.timeouts.totalMs ?? 1) >= 1 && (deployment.timeouts.totalMs ?? 1) < 2 ** 31)
  })
}
