import type { Snapshot } from '../../../config/snapshot.ts'
import { allowListOf } from '../../../core/allow-list.ts'
import type { Deployment } from '../../../core/deployment.ts'
import type { Principal } from '../../../core/principal.ts'
import { namesOf } from '../body-changes.ts'

/** The deployments that a caller may see: administrators all, everybody else those whose models the caller may call. */
export function visibleDeployments(snapshot: Snapshot, principal: Principal): readonly Deployment[] {
  const all = [...snapshot.deployments.values()]
  if (principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer') return all
  return all.filter((deployment) => maySee(deployment, principal))
}

export function maySee(deployment: Deployment, principal: Principal): boolean {
  const { role, key, team, user } = principal
  if (role === 'proxy_admin' || role === 'proxy_admin_viewer') return true
  if (deployment.teamId !== undefined && deployment.teamId !== team?.id) return false
  const { team_public_model_name: shared } = deployment.info
  const names = typeof shared === 'string' ? [deployment.modelName, shared] : [deployment.modelName]
  const groups = namesOf(deployment.info.access_groups)
  const allowed = (models: readonly string[]): boolean => {
    const list = allowListOf(models)
    return names.some((name) => list.allows(name, groups))
  }
  if (team !== undefined && !allowed(team.models)) return false
  if (key !== undefined && !allowListOf(key.models).asTeam && !allowed(key.models)) return false
  return team !== undefined || user === undefined || allowed(user.models)
}
