import type { Snapshot } from '../../../config/snapshot.ts'
import type { Deployment } from '../../../core/deployment.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { masked } from '../masking.ts'
import { mapFacts } from './facts.ts'
import { objectOf } from './row.ts'

/** A deployment as the read routes show it (contract 2.4). */
export function shownModel(snapshot: Snapshot, deployment: Deployment, supported: readonly string[]): JsonObject {
  const declared = snapshot.declared.get('deployment', deployment.id)
  return {
    model_name: deployment.modelName,
    litellm_params: masked(objectOf(declared?.spec.litellm_params)),
    model_info: { ...shownInfo(snapshot, deployment.id), supported_openai_params: supported },
    blocked: deployment.blocked,
    // Ours: where it is declared.
    origin: declared?.origin ?? null,
  }
}

/** What the price map knows, under what the operator declared, under what the gateway itself knows. */
export function shownInfo(snapshot: Snapshot, id: string): JsonObject {
  const deployment = snapshot.deployments.get(id)
  if (deployment === undefined) return {}
  const declared = snapshot.declared.get('deployment', id)
  const params = objectOf(declared?.spec.litellm_params)
  return {
    key: `${deployment.provider}/${deployment.upstreamModel}`,
    litellm_provider: deployment.provider,
    mode: 'chat',
    ...mapFacts(snapshot, deployment),
    ...limits(params),
    ...masked(deployment.info),
    id,
    db_model: declared?.source === 'database',
  }
}

/** Limits and prices that stand in `litellm_params` are the deployment's too. */
function limits(params: JsonObject): JsonObject {
  const own = Object.entries(params).filter(
    ([key, value]) => value !== null && (key === 'tpm' || key === 'rpm' || /(^|_)costs?(_|$)/.test(key)),
  )
  return Object.fromEntries(own)
}
