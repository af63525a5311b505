import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Declaration, model, prepareOnce } from '../../../test/control-plane.ts'
import { TermsTable } from '../../core/cost/terms.ts'
import type { InputUri } from '../../core/input.ts'
import { problemToLine } from '../../core/problem.ts'
import type { Settings } from '../../core/settings.ts'
import type { JsonObject } from '../../lib/json.ts'

async function compile(
  settings: JsonObject | undefined,
  inputs?: Readonly<Record<InputUri, string>>,
  rest: Declaration = {},
): Promise<Settings> {
  const { prepared, problems } = await prepareOnce({ ...rest, ...(settings && { settings }) }, inputs)
  if (prepared === undefined) throw new Error(problems.map(problemToLine).join('\n'))
  return prepared.settings.value.settings
}

async function problemsOf(settings: JsonObject, rest: Declaration = {}): Promise<string[]> {
  const { problems } = await prepareOnce({ ...rest, settings })
  return problems.map(
    ({ severity, path, message, hint }) => `${severity} ${path}: ${message}${hint ? ` (${hint})` : ''}`,
  )
}

test('without a word the defaults of LiteLLM hold', async () => {
  for (const nothing of [undefined, {}, { router_settings: null, litellm_settings: {}, general_settings: null }]) {
    const { router, ...rest } = await compile(nothing)
    assert.deepEqual(rest, {
      masterKey: undefined,
      unsupportedParameters: 'error',
      maxRequestBytes: 100 * 1024 * 1024,
      maxResponseBytes: 100 * 1024 * 1024,
      alwaysIncludeStreamUsage: false,
      callIdInErrors: false,
      requireAuthForMetrics: false,
      ledgerDisabled: false,
      ledgerRetentionMs: undefined,
      terms: new TermsTable({ discounts: {}, margins: {} }),
      limits: {
        timezone: 'UTC',
        countedTokens: 'total',
        maxBudget: undefined,
        budgetDuration: undefined,
        maxParallel: undefined,
        maxParallelPerKey: undefined,
        maxEndUserBudget: undefined,
        endUserBudgetId: undefined,
        deploymentRates: false,
        providers: new Map(),
        tags: new Map(),
      },
      required: { needed: [], neededOfServiceAccounts: [], needsEndUser: false, refusesTags: false },
      health: { everyMs: undefined, timeoutMs: 60_000, showsDetails: true, readinessShowsDetails: false },
      storesModels: undefined,
      internalUsers: { maxBudget: undefined, budgetDuration: undefined },
      keyMaking: {
        ofPersonal: { roles: undefined, needed: [] },
        ofTeams: { roles: undefined, needed: [] },
        personalByAdminsOnly: false,
      },
      publicModelGroups: [],
      keyHeader: undefined,
      routes: { served: undefined, ofAdmins: [] },
      addresses: { allowed: undefined, readsForwarded: false },
      endUserHeaders: [],
    })
    assert.deepEqual(router, {
      strategy: 'simple-shuffle',
      retries: 2,
      retryPolicy: {},
      groupRetryPolicy: new Map(),
      retryAfterMs: 0,
      timeoutMs: 6_000_000,
      streamTimeoutMs: undefined,
      connectTimeoutMs: 10_000,
      firstByteTimeoutMs: 6_000_000,
      chunkTimeoutMs: 300_000,
      fallbacks: new Map(),
      contextWindowFallbacks: new Map(),
      contentPolicyFallbacks: new Map(),
      defaultFallbacks: [],
      maxFallbacks: 5,
      cooldownsEnabled: true,
      cooldownMs: 5_000,
      allowedFails: undefined,
      allowedFailsPolicy: {},
      maxParallelPerDeployment: undefined,
    })
  }
})

test('router_settings win over litellm_settings, key by key', async () => {
  const models = ['a', 'b', 'c'].map((name) => model(name, name))
  const { router, unsupportedParameters } = await compile(
    {
      litellm_settings: {
        num_retries: 7,
        request_timeout: 60,
        allowed_fails: 1,
        cooldown_time: 9,
        fallbacks: [{ a: ['b'] }],
        default_fallbacks: ['c'],
        drop_params: true,
      },
      router_settings: { num_retries: 0, fallbacks: [{ b: ['c'] }], timeout: null },
    },
    {},
    { models },
  )
  assert.deepEqual([router.retries, router.timeoutMs, router.firstByteTimeoutMs], [0, 60_000, 60_000])
  assert.deepEqual([router.allowedFails, router.cooldownMs], [1, 9_000])
  assert.deepEqual(router.fallbacks, new Map([['b', ['c']]]))
  assert.deepEqual(router.defaultFallbacks, ['c'])
  assert.equal(unsupportedParameters, 'drop')
})

test('every setting of the router is read in LiteLLM’s words', async () => {
  const { router } = await compile(
    {
      router_settings: {
        routing_strategy: 'least-busy',
        retry_after: 1.5,
        retry_policy: { TimeoutErrorRetries: 3, RateLimitErrorRetries: '0', BadRequestErrorRetries: null },
        model_group_retry_policy: { a: { InternalServerErrorRetries: 4, ContentPolicyViolationErrorRetries: 1 } },
        allowed_fails: '4',
        allowed_fails_policy: { AuthenticationErrorAllowedFails: 0 },
        disable_cooldowns: 'true',
        timeout: '12.5',
        stream_timeout: 3,
        connect_timeout: 1,
        first_byte_timeout: 2,
        chunk_timeout: 4,
        context_window_fallbacks: [{ a: ['b'] }, { a: ['c'], b: ['c'] }],
        content_policy_fallbacks: [{ '*': ['a'] }],
        default_max_parallel_requests: '9',
        max_fallbacks: 1,
      },
    },
    {},
    { models: ['a', 'b', 'c'].map((name) => model(name, name)) },
  )
  assert.deepEqual(router, {
    strategy: 'least-busy',
    retries: 2,
    retryPolicy: { timeout: 3, rateLimit: 0 },
    groupRetryPolicy: new Map([['a', { contentPolicy: 1, internal: 4 }]]),
    retryAfterMs: 1_500,
    timeoutMs: 12_500,
    streamTimeoutMs: 3_000,
    connectTimeoutMs: 1_000,
    firstByteTimeoutMs: 2_000,
    chunkTimeoutMs: 4_000,
    fallbacks: new Map(),
    contextWindowFallbacks: new Map([
      ['a', ['b', 'c']],
      ['b', ['c']],
    ]),
    contentPolicyFallbacks: new Map([['*', ['a']]]),
    defaultFallbacks: [],
    maxFallbacks: 1,
    cooldownsEnabled: false,
    cooldownMs: 5_000,
    allowedFails: 4,
    allowedFailsPolicy: { authentication: 0 },
    maxParallelPerDeployment: 9,
  })
})

test('the master key and other settings may be references', async () => {
  const settings = await compile(
    {
      general_settings: {
        master_key: 'os.environ/MASTER',
        max_request_size_mb: '0.5',
        litellm_key_header_name: 'X-My-Key',
        user_header_name: 'X-User',
        user_header_mappings: [
          { header_name: 'X-Customer', litellm_user_role: 'customer' },
          { header_name: 'X-Colleague', litellm_user_role: 'internal_user' },
        ],
        always_include_stream_usage: true,
      },
      litellm_settings: { require_auth_for_metrics_endpoint: 'True' },
    },
    { 'env:MASTER': 'sk-master' },
  )
  assert.equal(settings.masterKey?.reveal(), 'sk-master')
  assert.equal(settings.maxRequestBytes, 512 * 1024)
  assert.equal(settings.keyHeader, 'x-my-key')
  assert.deepEqual(settings.endUserHeaders, ['x-customer', 'x-user'])
  assert.ok(settings.alwaysIncludeStreamUsage && settings.requireAuthForMetrics)
})

test('names in fallbacks must exist, in the section that counts', async () => {
  const models = [model('gpt-4o', '1'), model('openai/*', '2', { model: 'openai/*' }), model('azure/gpt-35', '3')]
  assert.deepEqual(
    await problemsOf(
      {
        litellm_settings: { fallbacks: [{ hidden: ['by router_settings'] }], default_fallbacks: ['gpt-4'] },
        router_settings: {
          fallbacks: [{ 'gpt-4o': ['gpt-4x', 'openai/anything'] }, { '*': ['gpt-4o'] }, { 'gpt-35': ['gpt-4o'] }],
          context_window_fallbacks: [{ 'o3-mini': ['gpt-4o'], 'anthropic/claude': ['gpt-4o'] }],
          model_group_retry_policy: { 'azure/gpt-36': {} },
        },
      },
      { models },
    ),
    [
      'error router_settings.fallbacks[0].gpt-4o[0]: there is no model `gpt-4x` (did you mean `gpt-4o`?)',
      'error router_settings.context_window_fallbacks[0].anthropic/claude: there is no model `anthropic/claude`',
      'error litellm_settings.default_fallbacks[0]: there is no model `gpt-4` (did you mean `gpt-4o`?)',
      'error router_settings.model_group_retry_policy.azure/gpt-36: there is no model `azure/gpt-36` (did you mean `azure/gpt-35`?)',
    ],
  )
})

test('a strategy of LiteLLM that this version has not is replaced with a warning, an unknown one is refused', async () => {
  const use = (routing_strategy: string): Promise<string[]> => problemsOf({ router_settings: { routing_strategy } })
  assert.deepEqual(await use('usage-based-routing-v2'), [
    'warning router_settings.routing_strategy: `routing_strategy` is a LiteLLM setting that this version does not act on: `simple-shuffle` is used instead of `usage-based-routing-v2`',
  ])
  assert.deepEqual(await use('leest-busy'), [
    'error router_settings.routing_strategy: there is no routing strategy `leest-busy` (did you mean `least-busy`?)',
  ])
  assert.equal(
    (await compile({ router_settings: { routing_strategy: 'cost-based-routing' } })).router.strategy,
    'simple-shuffle',
  )
})

const refused: readonly (readonly [settings: JsonObject, problem: string])[] = [
  [{ router_settings: [] }, 'router_settings: expected a mapping, found an empty list'],
  [{ general_settings: 'x' }, 'general_settings: expected a mapping, found "x"'],
  [
    { router_settings: { num_retries: -1 } },
    'router_settings.num_retries: expected a whole number, 0 or more, found -1',
  ],
  [
    { litellm_settings: { num_retries: 'few' } },
    'litellm_settings.num_retries: expected a whole number, 0 or more, found "few"',
  ],
  [
    { litellm_settings: { request_timeout: 0 } },
    'litellm_settings.request_timeout: expected a number of seconds above 0, found 0',
  ],
  [
    { litellm_settings: { drop_params: 'some' } },
    'litellm_settings.drop_params: expected true, false, `error`, `drop` or `pass`, found "some"',
  ],
  [
    { router_settings: { fallbacks: { a: ['b'] } } },
    'router_settings.fallbacks: expected a list of mappings, each from a model to a list, found a mapping',
  ],
  [
    { router_settings: { fallbacks: [{ a: 'b' }] } },
    'router_settings.fallbacks[0].a: expected a list of names, found "b"',
  ],
  [{ router_settings: { fallbacks: ['a'] } }, 'router_settings.fallbacks[0]: expected a mapping, found "a"'],
  [
    { router_settings: { retry_policy: { TimeoutErrorRetries: 'x' } } },
    'router_settings.retry_policy.TimeoutErrorRetries: expected a whole number, 0 or more, found "x"',
  ],
  [
    { router_settings: { disable_cooldowns: 'perhaps' } },
    'router_settings.disable_cooldowns: expected true or false, found "perhaps"',
  ],
  [
    { router_settings: { disable_cooldowns: 'constructor' } },
    'router_settings.disable_cooldowns: expected true or false, found "constructor"',
  ],
  [
    { router_settings: { cooldown_time: -5 } },
    'router_settings.cooldown_time: expected a number of seconds, 0 or more, found -5',
  ],
  [
    { general_settings: { max_request_size_mb: 0 } },
    'general_settings.max_request_size_mb: expected a number of megabytes above 0, found 0',
  ],
  [
    { general_settings: { litellm_key_header_name: 'my key' } },
    'general_settings.litellm_key_header_name: expected the name of a header, found "my key"',
  ],
  [{ general_settings: { master_key: ['x'] } }, 'general_settings.master_key: expected a text, found a list'],
  [{ environment_variables: ['A=b'] }, 'environment_variables: expected a mapping, found a list'],
  [{ environment_variables: { A: ['b'] } }, 'environment_variables.A: expected a text, found a list'],
]

for (const [settings, expected] of refused) {
  test(`refused: ${JSON.stringify(settings)}`, async () => {
    assert.deepEqual(await problemsOf(settings), [`error ${expected}`])
  })
}
