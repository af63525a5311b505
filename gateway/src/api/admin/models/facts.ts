import type { Snapshot } from '../../../config/snapshot.ts'
import type { Deployment } from '../../../core/deployment.ts'
import type { JsonObject } from '../../../lib/json.ts'

/** What is known of the deployment's model beside what its operator declared: the price map's entry, LiteLLM's field names. */
export function mapFacts(_snapshot: Snapshot, _deployment: Deployment): JsonObject {
  return {}
}
