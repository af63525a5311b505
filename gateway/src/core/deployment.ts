import type { UpstreamPool } from '../lib/http-client.ts'
import type { JsonObject } from '../lib/json.ts'
import type { DeploymentId } from './brand.ts'
import type { ChatRequest } from './chat.ts'
import type { NanoUsd } from './money.ts'
import type { DialectName, Endpoint, EndpointOptions, UpstreamFailure } from './wire.ts'

/** One upstream target: provider, upstream model, credential, limits. Compiled, frozen, shared by generations while unchanged. */
export interface Deployment {
  readonly id: DeploymentId
  /** Public name, its group; may hold one `*`. */
  readonly modelName: string
  readonly provider: string
  /** How messages call the provider: `OpenAI` in `OpenAIException`. */
  readonly providerLabel: string
  /** Without provider prefix; a `*` in it takes what the `*` of `modelName` matched. */
  readonly upstreamModel: string
  /** Base URL without query or credentials, for `x-litellm-model-api-base`. */
  readonly apiBase: string
  readonly speaks: readonly DialectName[]
  endpoint(dialect: DialectName, options: EndpointOptions): Endpoint
  classify(status: number, headers: ReadonlyMap<string, string>, body: string): UpstreamFailure
  /** Connections to the provider, shared by all deployments and generations with the same origin. */
  readonly pool: UpstreamPool
  /** Relative share of a group's calls: `weight`, else `rpm`, else `tpm`; 1 when none is given. */
  readonly weight: number
  /** Lower is tried first; deployments without `order` come last. */
  readonly order: number
  readonly maxParallel: number | undefined
  /** Counted with all replicas; `undefined`: none. */
  readonly limits: DeploymentLimits | undefined
  readonly timeouts: Timeouts
  /** `undefined`: the router's. */
  readonly retries: number | undefined
  readonly cooldownMs: number | undefined
  readonly parameters: ParameterPolicy
  /** Body fields set by the operator, under what the caller sends (`temperature`, `extra_body` …). */
  readonly defaults: JsonObject
  /** `defaults` in normal form, for calls that are translated; `undefined` when there are none. */
  readonly chatDefaults: Partial<ChatRequest> | undefined
  /** `mock_response`: answer here, call nobody. */
  readonly mockResponse: string | undefined
  readonly pricing: DeploymentPricing
  /** `model_info` as declared, echoed by `/model/info`. */
  readonly info: JsonObject
  /** Takes no calls until somebody unblocks it (`/model/block`); ever, where its provider is not served. */
  readonly blocked: boolean
  /** LiteLLM serves its provider, this version does not. */
  readonly unserved: boolean
  /** `model_info.team_id`: only this team's callers may use it. */
  readonly teamId: string | undefined
}

export interface DeploymentLimits {
  /** `rpm` and `tpm`: weights, unless the router's settings make limits of them. */
  readonly requestsPerMinute: number | undefined
  readonly tokensPerMinute: number | undefined
  readonly maxBudget: NanoUsd | undefined
  /** As written, `30d`; `undefined`: the budget is never reset. */
  readonly budgetDuration: string | undefined
}

/** What the operator says of the deployment's prices; the price map says the rest, when a call is costed. */
export interface DeploymentPricing {
  /** The operator's own, by LiteLLM's field names; `undefined`: the price map's hold. */
  readonly own: JsonObject | undefined
  /** `base_model`: the name under which the price map knows the model, e.g. of an Azure deployment. */
  readonly baseModel: string | undefined
}

/** Milliseconds; `undefined` leaves it to the router's setting. */
export interface Timeouts {
  readonly totalMs: number | undefined
  readonly streamTotalMs: number | undefined
}

/** What happens to a parameter that the provider has no word for (issue #321). */
export interface ParameterPolicy {
  readonly unsupported: 'error' | 'drop' | 'pass' | undefined
  /** `additional_drop_params`: always removed; dotted paths with `[0]` and `[*]`. */
  readonly alwaysDrop: readonly string[]
  /** `allowed_openai_params`: always sent. */
  readonly alwaysPass: readonly string[]
  /** OpenAI-named parameters the provider is known to refuse. */
  readonly refuses: readonly string[]
  /** Fields of an openai-chat body that the provider knows by another name, e.g. `max_completion_tokens` → `max_tokens`. */
  readonly renames: Readonly<Record<string, string>>
}

/** The deployments behind one public name. */
export interface ModelGroup {
  readonly name: string
  /** Never empty. Sorted by `order`, then by id. Without blocked ones, unless all are blocked. */
  readonly deployments: readonly Deployment[]
  /** All of its deployments are blocked: calls are refused with `model_blocked`. */
  readonly blocked: boolean
  /** The team to which all of its deployments belong; `undefined` when one is for everybody, or they are of several teams. */
  readonly teamId: string | undefined
  /** Some of its deployments belong to a team and others do not, or to another one: which ones count depends on the caller. */
  readonly mixed: boolean
}
