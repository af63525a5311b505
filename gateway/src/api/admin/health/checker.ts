import { randomUUID } from 'node:crypto'
import type { CallPorts } from '../../../calls/ports.ts'
import { type ProbeMode, probe, probeModes } from '../../../calls/probe.ts'
import type { Snapshot } from '../../../config/snapshot.ts'
import type { Deployment } from '../../../core/deployment.ts'
import type { Principal } from '../../../core/principal.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { masked } from '../masking.ts'
import { objectOf, textOf } from '../models/row.ts'

/** What one check of one deployment found. */
export interface Check {
  readonly id: string
  readonly deployment: Deployment
  /** Why nothing was sent; such a deployment is neither healthy nor unhealthy. */
  readonly skipped: string | undefined
  /** `undefined`: healthy. */
  readonly error: string | undefined
  readonly rateLimits: JsonObject
  readonly durationMs: number
  /** Unix ms. */
  readonly at: number
  readonly by: string
}

const atOnce = 16
const mostKept = 2_000
const longestTimeoutMs = 3_600_000
const longestError = 2_000

/** Asks deployments whether they answer, and remembers what was found: the newest of each, and the last two thousand. */
export class HealthChecker {
  readonly #ports: CallPorts
  readonly #latest = new Map<string, Check>()
  #history: Check[] = []

  constructor(ports: CallPorts) {
    this.#ports = ports
  }

  /** Newest first. */
  get history(): readonly Check[] {
    return this.#history.toReversed()
  }

  /** Of deployments that are still declared. */
  latest(snapshot: Snapshot): readonly Check[] {
    return [...this.#latest.values()].filter(({ deployment }) => snapshot.deployments.has(deployment.id))
  }

  /** A few at a time, so that a thousand deployments are not a thousand connections. In the order given. */
  async check(
    deployments: readonly Deployment[],
    snapshot: Snapshot,
    principal: Principal,
    signal?: AbortSignal,
  ): Promise<readonly Check[]> {
    const found: Check[] = []
    const over = (): boolean => signal?.aborted === true
    const queue = deployments.entries()
    const work = async (): Promise<void> => {
      for (const [index, deployment] of queue) {
        if (over()) return
        const check = await this.checkOne(deployment, snapshot, principal, undefined, signal)
        if (!over()) this.#keep(check)
        found[index] = check
      }
    }
    await Promise.all(Array.from({ length: Math.min(atOnce, deployments.length) }, work))
    return found
  }

  /** What was found last; only deployments of which nothing is known are asked. */
  async checkUnknown(
    deployments: readonly Deployment[],
    snapshot: Snapshot,
    principal: Principal,
  ): Promise<readonly Check[]> {
    // A deployment that was changed is another object, and what was found of the old one says nothing about it.
    const known = (deployment: Deployment): Check | undefined => {
      const check = this.#latest.get(deployment.id)
      return check?.deployment === deployment ? check : undefined
    }
    const unknown = deployments.filter((deployment) => known(deployment) === undefined)
    const asked = new Map(
      (await this.check(unknown, snapshot, principal)).map((check) => [check.deployment.id, check] as const),
    )
    return deployments.flatMap((deployment) => asked.get(deployment.id) ?? known(deployment) ?? [])
  }

  /** Without keeping what was found. @param mode the deployment's own unless given */
  async checkOne(
    deployment: Deployment,
    snapshot: Snapshot,
    principal: Principal,
    mode?: string,
    signal?: AbortSignal,
  ): Promise<Check> {
    const at = this.#ports.clock.wall()
    const base = { id: randomUUID(), deployment, at, by: principal.userId || (principal.key?.shownAs ?? '') }
    const plan = planOf(deployment, snapshot, mode)
    if (typeof plan === 'string') {
      return { ...base, skipped: plan, error: undefined, rateLimits: {}, durationMs: 0 }
    }
    const how = { ...plan, principal, ...(signal === undefined ? {} : { signal }) }
    const { error, headers, durationMs } = await probe(deployment, snapshot, how, this.#ports)
    if (error?.code === 'internal')
      this.#ports.report('health.check.failed', { deployment: deployment.id }, error.cause)
    return {
      ...base,
      skipped: undefined,
      error: error?.message.slice(0, longestError),
      rateLimits: rateLimits(headers),
      durationMs: Math.round(durationMs),
    }
  }

  #keep(check: Check): void {
    if (check.skipped !== undefined) return
    this.#latest.set(check.deployment.id, check)
    this.#history.push(check)
    // Cut in steps, so that a full history does not copy itself at every check.
    if (this.#history.length > mostKept * 1.5) this.#history = this.#history.slice(-mostKept)
  }
}

/** How a deployment is probed, by its `model_info`; or why it is not. */
function planOf(
  deployment: Deployment,
  snapshot: Snapshot,
  asked: string | undefined,
): { readonly mode: ProbeMode; readonly wildcard: string | undefined; readonly timeoutMs: number } | string {
  const { info } = deployment
  if (deployment.blocked) return 'the deployment is blocked'
  const named = (asked ?? textOf(info.mode)) || 'chat'
  const mode = probeModes.find((known) => known === named)
  if (mode === undefined) return `calls of mode ${named} cannot be probed`
  const seconds = Number(info.health_check_timeout ?? 0)
  const timeoutMs = seconds > 0 ? Math.min(seconds * 1000, longestTimeoutMs) : snapshot.settings.health.timeoutMs
  if (!deployment.upstreamModel.includes('*')) return { mode, wildcard: undefined, timeoutMs }
  const wildcard = textOf(info.health_check_model).replace(`${deployment.provider}/`, '')
  if (wildcard === '') return 'a wildcard has no model of its own; name one in model_info.health_check_model'
  return { mode, wildcard, timeoutMs }
}

function rateLimits(headers: readonly string[]): JsonObject {
  const shown: Record<string, string> = {}
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (name.startsWith('x-ratelimit-remaining-')) shown[name] = headers[index + 1] ?? ''
  }
  return shown
}

/** An entry of `healthy_endpoints` or `unhealthy_endpoints`. @param details all that is declared, or only the model */
export function endpointOf(check: Check, snapshot: Snapshot, details: boolean): JsonObject {
  const { deployment, error, rateLimits: limits } = check
  const declared = snapshot.declared.get('deployment', deployment.id)
  const { messages: _messages, ...params } = objectOf(declared?.spec.litellm_params)
  return {
    ...(details ? { ...masked(params), api_base: deployment.apiBase } : {}),
    model: textOf(params.model) || `${deployment.provider}/${deployment.upstreamModel}`,
    model_name: deployment.modelName,
    model_id: deployment.id,
    ...limits,
    response_time_ms: check.durationMs,
    ...(error === undefined ? {} : { error }),
    ...(check.skipped === undefined ? {} : { reason: check.skipped }),
  }
}
