import type { Resolution } from '../config/snapshot.ts'
import type { Deployment, ModelGroup } from '../core/deployment.ts'
import { GatewayError } from '../core/errors.ts'
import type { DeploymentStates } from '../state/deployment-state.ts'
import type { Signals } from '../strategies/strategy.ts'
import { resolvedFor } from './access.ts'
import type { Call } from './call.ts'
import type { CallPorts } from './ports.ts'
import type { Target } from './target.ts'

/**
 * Stop 5: the group that the requested name means in the call's snapshot.
 * @throws GatewayError `model_not_found` (contract 3.7)
 */
export function route(call: Call): Target {
  const resolution = resolve(call, call.routedAs)
  if (resolution !== undefined) return { name: call.routedAs, resolution, fallback: undefined }
  for (const name of call.settings.router.defaultFallbacks) {
    const other = resolve(call, name)
    if (other !== undefined) return { name, resolution: other, fallback: { model: name, overrides: undefined } }
  }
  throw new GatewayError(
    'model_not_found',
    `{'error': '${call.route}: Invalid model name passed in model=${call.model}. Call \`/v1/models\` to view available models for your key.'}`,
    { param: 'model' },
  )
}

/** What the name means in the call's snapshot, to its caller. */
export function resolve(call: Call, name: string): Resolution | undefined {
  const declared = call.snapshot.models.resolve(name)
  return declared === undefined ? undefined : resolvedFor(call.principal, declared)
}

/**
 * The deployment for the next attempt: of those not tried yet, the available ones with the lowest `order`, chosen by the strategy.
 * A deployment that was tried is used again only when the group has no other (T12).
 * @returns `undefined` when every deployment of the group is cooling
 */
export function pick(
  group: ModelGroup,
  tried: ReadonlySet<string>,
  call: Call,
  ports: CallPorts,
): Deployment | undefined {
  // Indexes, here and below: to take a list apart, or to go through it by `of`, makes an object for each member.
  const only = group.deployments[0]
  // A group of one is never cooled (reliability K97), so there is nothing to choose.
  if (group.deployments.length < 2) return only !== undefined && hasRoom(only, call, ports) ? only : undefined
  const now = ports.clock.now()
  const fresh = candidates(group, tried, now, call, ports)
  const usableOnes = fresh.length > 0 ? fresh : candidates(group, none, now, call, ports)
  const first = usableOnes[0]
  if (first === undefined) return soonest(group, call, ports)
  if (usableOnes.length === 1) return first
  return ports.strategy(call.settings.router.strategy).choose(usableOnes, ports.signals)
}

const none: ReadonlySet<string> = new Set()

/** The usable deployments of the lowest order, without those tried. */
function candidates(
  group: ModelGroup,
  tried: ReadonlySet<string>,
  now: number,
  call: Call,
  ports: CallPorts,
): readonly Deployment[] {
  const found: Deployment[] = []
  const { deployments } = group
  for (let index = 0; index < deployments.length; index += 1) {
    const deployment = deployments[index]
    const first = found[0]
    if (deployment === undefined || (first !== undefined && deployment.order !== first.order)) break
    if (!tried.has(deployment.id) && usable(deployment, now, call, ports)) found.push(deployment)
  }
  return found
}

/** Whether a deployment of the group other than the given one can take a call now. */
export function hasOther(group: ModelGroup, deployment: Deployment, call: Call, ports: CallPorts): boolean {
  const now = ports.clock.now()
  return group.deployments.some((other) => other.id !== deployment.id && usable(other, now, call, ports))
}

function usable(deployment: Deployment, now: number, call: Call, ports: CallPorts): boolean {
  return hasRoom(deployment, call, ports) && ports.states.of(deployment.id).available(now)
}

function hasRoom(deployment: Deployment, call: Call, ports: CallPorts): boolean {
  const most = deployment.maxParallel ?? call.settings.router.maxParallelPerDeployment
  return most === undefined || ports.states.of(deployment.id).inFlight < most
}

/**
 * All are cooling, which happens when a change took the healthy ones away: the one whose cooldown ends first, rather than no answer at all.
 * `undefined` when what keeps them from serving is their parallel limit.
 */
function soonest(group: ModelGroup, call: Call, ports: CallPorts): Deployment | undefined {
  let best: Deployment | undefined
  for (const deployment of group.deployments) {
    if (!hasRoom(deployment, call, ports)) continue
    const ends = ports.states.of(deployment.id).coolUntil
    if (best === undefined || ends < ports.states.of(best.id).coolUntil) best = deployment
  }
  return best
}

/** What strategies may look at, over the states of this process. */
export function signalsOf(states: DeploymentStates, random: () => number): Signals {
  return {
    inFlight: (deployment) => states.of(deployment.id).inFlight,
    latencyMs: (deployment) => states.of(deployment.id).latencyMs,
    random,
  }
}
