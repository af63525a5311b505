import type { Deployment, ModelGroup } from '../core/deployment.ts'
import { GatewayError } from '../core/errors.ts'
import type { Refusal } from '../core/limit.ts'
import type { RouterSettings } from '../core/settings.ts'
import type { JsonObject } from '../lib/json.ts'
import { aliased } from './access.ts'
import type { Call } from './call.ts'
import { finalError, policyFor } from './failure.ts'
import type { CallPorts } from './ports.ts'
import { hasOther, pick, resolve } from './route.ts'
import type { Target } from './target.ts'

const none: ReadonlySet<string> = new Set()

/**
 * Which attempt comes next: retries within a model group, then other groups. One budget bounds it all: the call's deadline, the
 * retries of each group and the number of fallbacks (reliability F94).
 */
export class Course {
  readonly #call: Call
  readonly #first: Target
  readonly #ports: CallPorts
  /** `Clock.now()` at which no further attempt may start. */
  readonly deadline: number
  #target: Target
  #tried: Set<string> | undefined
  /** Deployments of the group without room, with what keeps a call from them. */
  #full: Map<string, Refusal> | undefined
  #retries = 0
  #queue: readonly Target[] | undefined
  #named: readonly string[] = []

  constructor(call: Call, first: Target, ports: CallPorts) {
    this.#call = call
    this.#first = first
    this.#ports = ports
    this.#target = first
    this.deadline = deadlineOf(call)
  }

  get target(): Target {
    return this.#target
  }

  /** @throws GatewayError `no_deployment_available` or `model_blocked` */
  pick(): Deployment {
    if (this.#target.resolution.group.blocked) throw modelBlocked(this.#target.resolution.group)
    const deployment = pick(this.#groupWithRoom(), this.#tried ?? none, this.#call, this.#ports)
    if (deployment === undefined) throw noDeployment(this.#call, this.#target)
    return deployment
  }

  /** The deployment has no room in its own limits or its provider's: it is not picked again for this call. */
  passOver(deployment: Deployment, refusal: Refusal): void {
    this.#full ??= new Map()
    this.#full.set(deployment.id, refusal)
  }

  /** Deployments that were passed over may have room by now. */
  passOverNone(): void {
    this.#full = undefined
  }

  #groupWithRoom(): ModelGroup {
    const { group } = this.#target.resolution
    const full = this.#full
    if (full === undefined) return group
    const deployments = group.deployments.filter(({ id }) => !full.has(id))
    if (deployments.length > 0) return { ...group, deployments }
    throw this.#ports.limits.targets.refused([...full.values()], this.#target.name)
  }

  /**
   * Decides what follows a failure.
   * @param deployment the one that failed; `undefined` when none could be chosen or asked
   * @returns ms to wait before the next attempt
   * @throws GatewayError the one to tell the caller, when nothing follows
   */
  afterFailure(error: GatewayError, deployment: Deployment | undefined): number {
    const retryMs = deployment === undefined ? undefined : this.#retry(error, deployment)
    if (retryMs !== undefined) return retryMs
    if (!mayFallBack(this.#call, error, this.deadline, this.#ports)) throw error
    if (this.#queue === undefined) {
      this.#queue = fallbacksFor(this.#call, this.#first, error)
      this.#named = this.#queue.map((fallback) => fallback.name)
    }
    const [next, ...rest] = this.#queue
    if (next === undefined) throw withHistory(error, this.#call, this.#first, this.#named)
    this.#target = next
    this.#queue = rest
    this.#tried = undefined
    this.#full = undefined
    this.#retries = 0
    this.#call.progress.fallbacks += 1
    return 0
  }

  #retry(error: GatewayError, deployment: Deployment): number | undefined {
    const call = this.#call
    if (!error.retryable || call.reply.gone || this.#retries >= this.#retriesFor(deployment, error)) return undefined
    const { group } = this.#target.resolution
    const waitMs = hasOther(group, deployment, call, this.#ports)
      ? 0
      : backoffMs(call.settings.router, this.#retries, error, this.#ports)
    if (this.#ports.clock.now() + waitMs >= this.deadline) return undefined
    this.#tried ??= new Set()
    this.#tried.add(deployment.id)
    this.#retries += 1
    call.progress.retries += 1
    return waitMs
  }

  #retriesFor(deployment: Deployment, error: GatewayError): number {
    const { router } = this.#call.settings
    const policy =
      policyFor(error.code, router.groupRetryPolicy.get(deployment.modelName) ?? {}) ??
      policyFor(error.code, router.retryPolicy)
    // The one deployment there is has the same key the next time (contract 4.7).
    const isAlone = this.#target.resolution.group.deployments.length === 1
    if (policy === undefined && isAlone && error.code === 'upstream_authentication') return 0
    return this.#call.options.retries ?? policy ?? deployment.retries ?? router.retries
  }
}

function deadlineOf(call: Call): number {
  const { router } = call.settings
  const { options } = call
  const streamMs = call.stream ? (options.streamTimeoutMs ?? router.streamTimeoutMs) : undefined
  return call.startedAt + (streamMs ?? options.timeoutMs ?? router.timeoutMs)
}

const firstBackoffMs = 500
const longestBackoffMs = 8_000

/** The wait before the same deployment is tried again: what it asked for, else 0.5 s doubling to 8 s, with jitter. */
function backoffMs(router: RouterSettings, retries: number, error: GatewayError, ports: CallPorts): number {
  if (error.retryAfterMs !== undefined && error.retryAfterMs <= longestBackoffMs) {
    return Math.max(error.retryAfterMs, router.retryAfterMs)
  }
  const exponential = Math.min(firstBackoffMs * 2 ** retries, longestBackoffMs)
  return Math.max(exponential * (0.75 + ports.random() / 4), router.retryAfterMs)
}

function mayFallBack(call: Call, error: GatewayError, deadline: number, ports: CallPorts): boolean {
  if (call.options.fallbacksDisabled || call.reply.gone) return false
  if (!fallsBack.has(error.code) && !error.retryable) return false
  return ports.clock.now() < deadline && call.progress.fallbacks < call.settings.router.maxFallbacks
}

/** Failures that the same deployment would repeat, but another model may not have. */
const fallsBack: ReadonlySet<string> = new Set([
  'context_window_exceeded',
  'content_policy_violation',
  'upstream_bad_request',
  'upstream_unprocessable',
  'no_deployment_available',
  'model_blocked',
])

/** The groups to try after the first one failed like this: the caller's list, else the operator's for that failure, else the general one. */
function fallbacksFor(call: Call, first: Target, error: GatewayError): readonly Target[] {
  const asked = call.options.fallbacks
  // Under the same aliases as the model itself: access was decided on what they make of the name.
  if (asked !== undefined) {
    return asked.flatMap(({ model, overrides }) => targetOf(call, aliased(call.principal, model), overrides))
  }
  const { router } = call.settings
  const special =
    error.code === 'context_window_exceeded'
      ? router.contextWindowFallbacks
      : error.code === 'content_policy_violation'
        ? router.contentPolicyFallbacks
        : undefined
  const names =
    lookUp(special, first) ??
    lookUp(router.fallbacks, first) ??
    router.defaultFallbacks.filter((name) => name !== first.name)
  return names.slice(0, router.maxFallbacks).flatMap((name) => targetOf(call, name, undefined))
}

function lookUp(
  fallbacks: ReadonlyMap<string, readonly string[]> | undefined,
  first: Target,
): readonly string[] | undefined {
  if (fallbacks === undefined || fallbacks.size === 0) return undefined
  const bare = first.name.slice(first.name.indexOf('/') + 1)
  return (
    fallbacks.get(first.name) ?? fallbacks.get(first.resolution.group.name) ?? fallbacks.get(bare) ?? fallbacks.get('*')
  )
}

function targetOf(call: Call, name: string, overrides: JsonObject | undefined): readonly Target[] {
  const resolution = resolve(call, name)
  return resolution === undefined ? [] : [{ name, resolution, fallback: { model: name, overrides } }]
}

function withHistory(error: GatewayError, call: Call, first: Target, fallbacks: readonly string[]): GatewayError {
  if (error.code === 'model_blocked') return error
  if (!error.code.startsWith('upstream_') && !fallsBack.has(error.code)) return error
  return finalError(error, {
    group: first.resolution.group.name,
    fallbacks,
    retries: call.progress.retries,
    maxRetries: call.options.retries ?? call.settings.router.retries,
  })
}

function modelBlocked({ deployments }: ModelGroup): GatewayError {
  const [first] = deployments
  if (first === undefined || !deployments.every(({ unserved }) => unserved)) {
    return new GatewayError('model_blocked', 'litellm.PermissionDeniedError: Model is blocked')
  }
  return new GatewayError(
    'model_blocked',
    `litellm.PermissionDeniedError: Model is blocked: its provider \`${first.provider}\` is not served by this version`,
  )
}

function noDeployment(call: Call, target: Target): GatewayError {
  const seconds = Math.ceil(call.settings.router.cooldownMs / 1000)
  return new GatewayError(
    'no_deployment_available',
    `No deployments available for selected model, Try again in ${seconds} seconds. Passed model=${target.name}`,
    { param: 'model', retryAfterMs: seconds * 1000 },
  )
}
