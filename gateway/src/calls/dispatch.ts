import type { Deployment } from '../core/deployment.ts'
import { asGatewayError, type GatewayError } from '../core/errors.ts'
import type { JsonObject } from '../lib/json.ts'
import type { DeploymentState } from '../state/deployment-state.ts'
import type { TargetRoom } from '../state/limits/target-limits.ts'
import { account, accountedPipe } from './account.ts'
import { Attempt, type AttemptLimits } from './attempt.ts'
import type { Call } from './call.ts'
import { Course } from './course.ts'
import { type Place, takeDeploymentRoom } from './deployment-room.ts'
import { policyFor } from './failure.ts'
import { mocked, mockFailure } from './mock.ts'
import type { CallPorts } from './ports.ts'
import { prepare } from './prepare.ts'
import { hasOther } from './route.ts'
import type { AttemptResult, Prepared, Served } from './served.ts'
import { StreamSample } from './stream-sample.ts'
import { type Target, upstreamModelOf } from './target.ts'

/**
 * Stop 6: attempts, until one answers or the course of the call has no next one. The only place that repeats anything.
 * @throws GatewayError of the last attempt
 */
export async function dispatch(call: Call, first: Target, ports: CallPorts): Promise<Served> {
  const course = new Course(call, first, ports)
  for (;;) {
    let running: Running | undefined
    try {
      const deployment = course.pick()
      const isLimited = ports.limits.targets.isLimited(deployment, call.settings.limits)
      const place = isLimited
        ? await takeDeploymentRoom(deployment, call, course, ports)
        : { deployment, room: undefined }
      running = beginAt(place, call, course, ports)
      const result = await running.result
      return succeeded(call, running, result, ports)
    } catch (caught) {
      const error = asGatewayError(caught)
      if (running !== undefined) failed(call, running, error, ports)
      const waitMs = course.afterFailure(error, running?.deployment)
      if (waitMs > 0) await ports.sleep(waitMs)
    }
  }
}

/** An attempt under way. */
interface Running {
  readonly target: Target
  readonly deployment: Deployment
  readonly prepared: Prepared
  readonly state: DeploymentState
  readonly startedAt: number
  readonly room: TargetRoom | undefined
  readonly result: Promise<AttemptResult>
}

/** Room is given back when the attempt cannot even begin. @throws GatewayError without having started anything */
function beginAt({ deployment, room }: Place, call: Call, course: Course, ports: CallPorts): Running {
  try {
    return begin(deployment, room, call, course, ports)
  } catch (error) {
    room?.settle(nothingUsed)
    throw error
  }
}

const nothingUsed = { succeeded: false, usage: undefined, cost: undefined }

function begin(
  deployment: Deployment,
  room: TargetRoom | undefined,
  call: Call,
  course: Course,
  ports: CallPorts,
): Running {
  const { target } = course
  const failFirst = call.options.mock?.failFirst
  if (failFirst !== undefined && target.fallback === undefined) throw mockFailure(failFirst, deployment)
  const ours = target.fallback?.overrides === undefined ? call : withOverrides(call, target.fallback.overrides)
  const startedAt = ports.clock.now()
  const limits = attemptLimits(call, deployment, course.deadline, startedAt)
  const prepared = mocked(ours, deployment, limits.deadline, ports) ?? prepare(ours, target, deployment, ports)
  const state = ports.states.of(deployment.id)
  state.begin()
  call.progress.attempts += 1
  const result = prepared.type === 'local' ? prepared.answer() : send(call, target, deployment, prepared, limits, ports)
  const running = { target, deployment, prepared, state, startedAt, room, result }
  call.progress.lastAsked = running
  return running
}

function send(
  call: Call,
  target: Target,
  deployment: Deployment,
  prepared: Prepared & { readonly type: 'upstream' },
  limits: AttemptLimits,
  ports: CallPorts,
): Promise<AttemptResult> {
  const model = upstreamModelOf(deployment, target.resolution.wildcard)
  const { pipe } = prepared
  call.progress.sample = pipe && new StreamSample()
  call.progress.answerId = ''
  const tell = (): void => account(call, { target, deployment, prepared }, undefined, ports)
  const accounted = pipe && accountedPipe(pipe, call.progress, tell)
  const attempt = new Attempt(deployment, accounted, limits, ports)
  call.reply.onInterrupt((error) => attempt.abort(error))
  attempt.start(deployment.endpoint(prepared.dialect, { model, stream: call.stream }), prepared.body.bytes)
  return attempt.result
}

function succeeded(call: Call, running: Running, result: AttemptResult, ports: CallPorts): Served {
  const { target, deployment, prepared, state, startedAt, room } = running
  const rendered = result.type === 'whole' && prepared.type === 'upstream' ? prepared.render(result.body) : undefined
  const now = ports.clock.now()
  call.progress.upstreamMs += now - startedAt
  state.succeed(now, now - startedAt)
  return { target, deployment, prepared, result, rendered, state, room }
}

function failed(call: Call, running: Running, error: GatewayError, ports: CallPorts): void {
  const { target, deployment, state, startedAt } = running
  call.progress.upstreamMs += ports.clock.now() - startedAt
  noteFailure(call, target, deployment, error, state, ports)
  state.release()
  running.room?.settle(nothingUsed)
}

/** Tells the deployment's health about a failure that is the provider's, and cools it where the rules say so. */
export function noteFailure(
  call: Call,
  target: Target,
  deployment: Deployment,
  error: GatewayError,
  state: DeploymentState,
  ports: CallPorts,
): void {
  const { router } = call.settings
  if (!error.retryable || !router.cooldownsEnabled) return
  const ofPolicy = policyFor(error.code, router.allowedFailsPolicy)
  const cooldownMs = deployment.cooldownMs ?? router.cooldownMs
  state.fail(
    ports.clock.now(),
    error.code,
    {
      atOnce: ofPolicy === undefined && coolsAtOnce.has(error.code),
      allowed: ofPolicy ?? router.allowedFails,
      cooldownMs: Math.max(cooldownMs, error.retryAfterMs ?? 0),
    },
    hasOther(target.resolution.group, deployment, call, ports),
  )
}

/** Failures that the next call to the same deployment would meet again (contract 4.7). */
const coolsAtOnce: ReadonlySet<string> = new Set([
  'upstream_rate_limited',
  'upstream_authentication',
  'upstream_payment_required',
  'upstream_not_found',
  'upstream_timeout',
])

function withOverrides(call: Call, overrides: JsonObject): Call {
  return { ...call, body: { ...call.body, ...overrides }, sent: undefined }
}

/** A deployment's own timeout takes the router's place for its attempts; what the caller asked for beats both (contract 4.7). */
function attemptLimits(call: Call, deployment: Deployment, deadline: number, now: number): AttemptLimits {
  const { router, maxResponseBytes } = call.settings
  const asked = call.options.timeoutMs !== undefined || call.options.streamTimeoutMs !== undefined
  const { streamTotalMs, totalMs } = deployment.timeouts
  const ownMs = asked ? undefined : ((call.stream ? streamTotalMs : undefined) ?? totalMs)
  return {
    connectMs: router.connectTimeoutMs,
    firstByteMs: router.firstByteTimeoutMs,
    chunkMs: router.chunkTimeoutMs,
    deadline: ownMs === undefined ? deadline : now + ownMs,
    maxResponseBytes,
  }
}
