import type { GatewayError } from '../core/errors.ts'
import type { Call } from './call.ts'
import { zeroCostReason } from './cost-of-call.ts'
import { noteFailure } from './dispatch.ts'
import { settleRoom } from './limits.ts'
import type { CallPorts } from './ports.ts'
import type { Served } from './served.ts'

/** Stop 8: what the call comes to, told once, whatever happened. Never throws. */
export function settle(
  call: Call,
  served: Served | undefined,
  error: GatewayError | undefined,
  ports: CallPorts,
): void {
  if (served !== undefined) {
    if (error !== undefined) noteFailure(call, served.target, served.deployment, error, served.state, ports)
    served.state.release()
  }
  settleRoom(call, served, error, ports)
  ports.traffic.add({
    modelGroup: served?.target.resolution.group.name ?? '',
    deployment: served?.deployment.id ?? '',
    provider: served?.deployment.provider ?? '',
    error: error?.code,
    retries: call.progress.retries,
    fallbacks: call.progress.fallbacks,
    usage: call.progress.usage,
    zeroCost: served === undefined || error !== undefined ? undefined : zeroCostReason(call, served),
    durationMs: ports.clock.now() - call.startedAt,
    dropped: call.progress.dropped,
  })
}
