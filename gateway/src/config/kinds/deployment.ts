import type { DeploymentId } from '../../core/brand.ts'
import type { ChatRequest } from '../../core/chat.ts'
import { isPriceField } from '../../core/cost/price-fields.ts'
import type { Deployment, DeploymentLimits } from '../../core/deployment.ts'
import { GatewayError } from '../../core/errors.ts'
import { usdToNano } from '../../core/money.ts'
import { problem } from '../../core/problem.ts'
import type { DialectName, Endpoint, EndpointOptions } from '../../core/wire.ts'
import { decodeParameters } from '../../dialects/index.ts'
import type { JsonObject } from '../../lib/json.ts'
import { Secret } from '../../lib/secret.ts'
import {
  dialectsOf,
  type ProviderMatch,
  providerOf,
  settingFaults,
  unservedOf,
  whyNoProvider,
} from '../../providers/index.ts'
import type { Provider, ProviderSettings } from '../../providers/provider.ts'
import { describe } from '../schema/describe.ts'
import * as field from '../schema/fields.ts'
import { bodyDefaults, isLitellmOnly, type LitellmParams, litellmParams, noteOn } from '../schema/litellm-params.ts'
import { pricingOf } from '../schema/prices.ts'
import type { Resolved } from '../schema/references.ts'
import type { Credential } from './credential.ts'
import { type Build, defineKind } from './kind.ts'

export interface CompiledDeployment {
  readonly deployment: Deployment
  /** `litellm_params.model` as written: the last name by which it can be called. */
  readonly declaredModel: string
}

const modelName = field
  .name('a model name')
  .refine((value) => value.split('*').length <= 2, { error: 'a name with at most one `*`' })

const modelInfo = field.mapping({
  id: field.text.nullish(),
  team_id: field.text.nullish(),
  access_groups: field.names.nullish(),
  base_model: field.text.nullish(),
  health_check_model: field.text.nullish(),
  health_check_timeout: field.amount.nullish(),
  disable_background_health_check: field.flag.nullish(),
})

/** An entry of `model_list` (contract 2.1). */
export const deployment = defineKind({
  name: 'deployment',
  schema: field.section({
    model_name: modelName,
    litellm_params: litellmParams,
    model_info: modelInfo.nullish(),
    blocked: field.flag.nullish(),
  }),
  // `model_info` is shown by `/model/info`, so what it refers to stays outside.
  resolves: (path) => path.startsWith('litellm_params'),
  async compile({ model_name, litellm_params: params, model_info: info, blocked }, build, { resource, resolved }) {
    reportUnsupported(params, build)
    const credential = credentialOf(params, build)
    const custom = params.custom_llm_provider || undefined
    const served = providerOf(params.model, custom, ownBase(params) ?? credential?.apiBase)
    const match = served ?? unservedOf(params.model, custom)
    if (match === undefined) {
      reportNoProvider(params, build)
      return undefined
    }
    const isServed = served !== undefined || Boolean(params.mock_response)
    if (!isServed) reportUnserved(match.provider, params, build)
    if (match.model.includes('*') && !model_name.includes('*')) {
      const expected = 'a model without `*`, because `model_name` has none'
      const found = `\`${params.model}\``
      build.report('litellm_params.model', (where) => problem('value_invalid', where, { expected, found }))
    }
    const settings = await settingsOf(params, credential, match.provider, build, resolved)
    if (!reportFaults(match.provider, settings, params, build, resolved)) return undefined
    const speaks = dialectsOf(match.provider, settings)
    const { origin } = anyEndpoint(match, settings, speaks)
    const pool = await build.share(
      `pool:${origin}`,
      () => build.openPool(origin),
      (opened) => opened.close(),
    )
    const defaults = deepFreeze(bodyDefaults(params))
    const compiled: Deployment = {
      // The name of a deployment's resource is its id (core/resource.ts).
      id: resource.name as DeploymentId,
      modelName: model_name,
      provider: match.provider.name,
      providerLabel: match.provider.label,
      upstreamModel: match.model,
      apiBase: shownBase(settings.apiBase ?? match.provider.defaultBase, origin),
      speaks,
      endpoint: rememberEndpoints(match, settings),
      classify: (status, headers, body) => match.provider.classify(status, headers, body),
      pool,
      weight: params.weight ?? params.rpm ?? params.tpm ?? 1,
      order: params.order ?? Number.MAX_SAFE_INTEGER,
      maxParallel: params.max_parallel_requests ?? undefined,
      limits: limitsOf(params),
      timeouts: Object.freeze({
        totalMs: params.timeout ?? params.request_timeout ?? undefined,
        streamTotalMs: params.stream_timeout ?? undefined,
      }),
      retries: params.num_retries ?? params.max_retries ?? undefined,
      cooldownMs: params.cooldown_time ?? undefined,
      parameters: Object.freeze({
        unsupported: params.drop_params ?? undefined,
        alwaysDrop: Object.freeze(params.additional_drop_params ?? []),
        alwaysPass: Object.freeze(params.allowed_openai_params ?? []),
        refuses: match.provider.refuses ?? [],
        renames: match.provider.renames ?? {},
      }),
      defaults,
      chatDefaults: chatDefaults(defaults, build, resolved),
      mockResponse: params.mock_response ?? undefined,
      pricing: deepFreeze(pricingOf(params, info ?? {}, build, resolved)),
      info: deepFreeze({ ...info } as JsonObject),
      blocked: blocked === true || !isServed,
      unserved: !isServed,
      teamId: info?.team_id || undefined,
    }
    return Object.freeze({ deployment: Object.freeze(compiled), declaredModel: params.model })
  },
})

function limitsOf({ rpm, tpm, max_budget, budget_duration }: LitellmParams): DeploymentLimits | undefined {
  if ((rpm ?? tpm ?? max_budget ?? undefined) === undefined) return undefined
  return Object.freeze({
    requestsPerMinute: rpm ?? undefined,
    tokensPerMinute: tpm ?? undefined,
    maxBudget: max_budget === null || max_budget === undefined ? undefined : usdToNano(max_budget),
    budgetDuration: budget_duration ?? undefined,
  })
}

/** Body defaults in normal form, for calls in another dialect than the provider's. */
function chatDefaults(defaults: JsonObject, build: Build, resolved: Resolved): Partial<ChatRequest> | undefined {
  const { extra_body: _, ...rest } = defaults
  let left: JsonObject = rest
  const refuse = (key: string, reason: string): void => {
    const path = `litellm_params.${key}`
    const note = `${reason}; calls in another dialect than the provider's go without it`
    build.report(path, (where) => problem('key_refused', where, { key, reason: note }))
  }
  while (Object.keys(left).length > 0) {
    try {
      const { warnings = [], ...parameters } = decodeParameters(left)
      for (const { parameter, detail } of warnings) refuse(parameter, detail ?? 'chats have no word for it')
      return deepFreeze(parameters)
    } catch (error) {
      const key = error instanceof GatewayError ? error.param?.split(/[.[]/, 1)[0] : undefined
      if (key === undefined || !Object.hasOwn(left, key)) throw error
      const path = `litellm_params.${key}`
      const reference = resolved.references.get(path)
      refuse(
        key,
        `a chat call takes no ${reference === undefined ? describe(left[key], path) : `\`${reference}\``} here`,
      )
      const { [key]: _refused, ...others } = left
      left = others
    }
  }
  return undefined
}

function reportUnsupported(params: LitellmParams, build: Build): void {
  for (const [key, value] of Object.entries(params)) {
    if (value === null || !isLitellmOnly(key) || isPriceField(key)) continue
    build.report(`litellm_params.${key}`, (where) => problem('key_not_supported', where, { key, note: noteOn(key) }))
  }
}

function credentialOf(params: LitellmParams, build: Build): Credential | undefined {
  const name = params.litellm_credential_name
  if (!name) return undefined
  const credential = build.ref('credential', name)
  if (credential !== undefined) return credential
  const suggestion = build.nearest('credential', name)
  build.report('litellm_params.litellm_credential_name', (where) =>
    problem('reference_missing', where, { what: 'credential', name, suggestion }),
  )
  return undefined
}

function reportNoProvider(params: LitellmParams, build: Build): void {
  const reason = whyNoProvider(params.model, params.custom_llm_provider || undefined)
  build.report(providerPath(params), (where) =>
    reason.code === 'provider_unknown'
      ? problem('provider_unknown', where, reason)
      : problem('provider_ambiguous', where, reason),
  )
}

function reportUnserved({ name }: Provider, params: LitellmParams, build: Build): void {
  build.report(providerPath(params), (where) => problem('provider_not_served', where, { provider: name }))
}

/** Where the provider is said. */
function providerPath({ custom_llm_provider: custom }: LitellmParams): string {
  return custom ? 'litellm_params.custom_llm_provider' : 'litellm_params.model'
}

function ownBase(params: LitellmParams): string | undefined {
  return params.api_base || params.base_url || undefined
}

/** The deployment's own values, then its credential's, then the provider's variables. Empty text means "not set", as in LiteLLM. */
async function settingsOf(
  params: LitellmParams,
  credential: Credential | undefined,
  provider: Provider,
  build: Build,
  resolved: Resolved,
): Promise<ProviderSettings> {
  const fromEnvironment = async (key: string, names: readonly string[] = []): Promise<string | undefined> => {
    // A reference of the deployment's own that has no content is reported; another value in its place would hide that.
    return resolved.missing.has(`litellm_params.${key}`) ? undefined : firstVariable(names, build)
  }
  const { environment } = provider
  const apiKey = params.api_key ? new Secret(params.api_key) : credential?.apiKey
  const apiBase = ownBase(params) ?? credential?.apiBase
  const apiVersion = params.api_version || credential?.apiVersion
  const key = apiKey === undefined ? await fromEnvironment('api_key', environment.apiKey) : undefined
  const base = apiBase ?? (await fromEnvironment('api_base', environment.apiBase)) ?? mockBase(params, provider)
  return {
    apiKey: key === undefined ? apiKey : new Secret(key),
    apiBase: base?.trim().replace(/\/+$/, ''),
    apiVersion: apiVersion ?? (await fromEnvironment('api_version', environment.apiVersion)),
    organization: params.organization || credential?.organization || undefined,
    extraHeaders: Object.freeze({ ...params.extra_headers }),
  }
}

async function firstVariable(names: readonly string[], build: Build): Promise<string | undefined> {
  for (const name of names) {
    const content = await build.environment(name)
    if (content.found && content.value.reveal() !== '') return content.value.reveal()
  }
  return undefined
}

/** A mocked deployment calls nobody, so it needs no address; `.invalid` is never resolved. */
function mockBase(params: LitellmParams, provider: Provider): string | undefined {
  return params.mock_response && provider.defaultBase === undefined ? 'http://mock.invalid' : undefined
}

/** @returns whether requests can be made with these settings */
function reportFaults(
  provider: Provider,
  settings: ProviderSettings,
  params: LitellmParams,
  build: Build,
  resolved: Resolved,
): boolean {
  let usable = true
  for (const fault of settingFaults(provider, settings)) {
    const path = `litellm_params.${fault.setting === 'api_base' && !params.api_base && params.base_url ? 'base_url' : fault.setting}`
    if (fault.code === 'provider_setting_missing') {
      if (params.mock_response || resolved.missing.has(path)) continue
      build.report(path, (where) => problem('provider_setting_missing', where, { provider: provider.name, ...fault }))
    } else {
      const reference = resolved.references.get(path)
      const found = reference === undefined ? fault.found : `the value of \`${reference}\``
      build.report(path, (where) => problem('value_invalid', where, { expected: fault.expected, found }))
      usable = false
    }
    if (fault.setting === 'api_base') usable = false
  }
  return usable
}

function anyEndpoint(
  { provider, model }: ProviderMatch,
  settings: ProviderSettings,
  speaks: readonly DialectName[],
): Endpoint {
  const [dialect] = speaks
  if (dialect === undefined) throw new RangeError(`provider ${provider.name} speaks no dialect`)
  return provider.endpoint(settings, dialect, { model: model.replace('*', 'model'), stream: false })
}

/** An endpoint depends on dialect, model and stream only; of a deployment with one model there are few, each made once. */
function rememberEndpoints(
  { provider, model }: ProviderMatch,
  settings: ProviderSettings,
): (dialect: DialectName, options: EndpointOptions) => Endpoint {
  const unary = new Map<DialectName, Endpoint>()
  const streamed = new Map<DialectName, Endpoint>()
  return (dialect, options) => {
    if (options.model !== model) return provider.endpoint(settings, dialect, options)
    const known = options.stream ? streamed : unary
    let endpoint = known.get(dialect)
    if (endpoint === undefined) {
      endpoint = provider.endpoint(settings, dialect, options)
      known.set(dialect, endpoint)
    }
    return endpoint
  }
}

function shownBase(base: string | undefined, origin: string): string {
  const url = base === undefined ? null : URL.parse(base)
  return url === null ? origin : `${url.origin}${url.pathname.replace(/\/$/, '')}`
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const item of Object.values(value)) deepFreeze(item)
  return Object.freeze(value)
}
