import type { Snapshot } from '../../config/snapshot.ts'

/**
 * Whether models and settings may be kept in the store. LiteLLM needs it switched on; here there is always a store, so only an
 * explicit `False` switches it off: `general_settings.store_model_in_db`, else the variable STORE_MODEL_IN_DB (contract 2.2).
 */
export function storesModels(
  snapshot: Snapshot | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return snapshot?.settings.storesModels ?? environment.STORE_MODEL_IN_DB?.trim().toLowerCase() !== 'false'
}
