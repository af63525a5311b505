import { modelRefusal } from '../../../calls/access.ts'
import type { Snapshot } from '../../../config/snapshot.ts'
import type { Deployment } from '../../../core/deployment.ts'
import type { Principal } from '../../../core/principal.ts'
import { publicNameIn } from './teams.ts'

/** The deployments that a caller may see: administrators all, everybody else those whose models the caller may call. */
export function visibleDeployments(snapshot: Snapshot, principal: Principal): readonly Deployment[] {
  return [...snapshot.deployments.values()].filter((deployment) => maySee(snapshot, deployment, principal))
}

export function maySee(snapshot: Snapshot, deployment: Deployment, principal: Principal): boolean {
  const { role, team } = principal
  if (role === 'proxy_admin' || role === 'proxy_admin_viewer') return true
  if (deployment.teamId !== undefined && deployment.teamId !== team?.id) return false
  const name = deployment.teamId === undefined ? deployment.modelName : publicNameIn(deployment.info)
  return modelRefusal(principal, undefined, snapshot, name || deployment.modelName) === undefined
}
