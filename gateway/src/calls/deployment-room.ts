import type { Deployment } from '../core/deployment.ts'
import type { TargetRoom } from '../state/limits/target-limits.ts'
import type { Call } from './call.ts'
import type { Course } from './course.ts'
import type { CallPorts } from './ports.ts'
import { sizeOf } from './size.ts'

/** Where the next attempt goes, and the room it has there; `undefined`: nothing limits the deployment. */
export interface Place {
  readonly deployment: Deployment
  readonly room: TargetRoom | undefined
}

/** For money that calls under way hold; after that the caller is told to come again. */
const longestWaitMs = 5_000
const pauseMs = 50

/**
 * Takes room in the limits of a deployment and its provider. One without room is passed over for the next; where none has room but some
 * would have if calls under way gave back what they do not use, it waits for them.
 * @param first the one that was picked
 * @throws GatewayError `no_deployment_available` (429)
 */
export async function takeDeploymentRoom(
  first: Deployment,
  call: Call,
  course: Course,
  ports: CallPorts,
): Promise<Place> {
  const { targets } = ports.limits
  const { limits } = call.settings
  const until = Math.min(course.deadline, ports.clock.now() + longestWaitMs)
  let deployment = first
  let mayWait = false
  for (;;) {
    if (!targets.isLimited(deployment, limits)) return { deployment, room: undefined }
    const taking = await targets.take(deployment, limits, () => sizeOf(call, course.target, ports))
    if ('room' in taking) return { deployment, room: taking.room }
    mayWait ||= taking.onlyHeld
    course.passOver(deployment, taking.refusal)
    try {
      deployment = course.pick()
    } catch (error) {
      if (!mayWait || call.reply.gone || ports.clock.now() + pauseMs > until) throw error
      await ports.sleep(pauseMs * (0.5 + ports.random()))
      course.passOverNone()
      mayWait = false
      deployment = course.pick()
    }
  }
}
