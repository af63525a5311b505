import type { StoredResource } from '../../../core/store.ts'
import { isObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { masked } from '../masking.ts'

/** A deployment as the write routes answer it: LiteLLM's database row, its secrets masked where LiteLLM shows ciphertext. */
export function modelRow(stored: StoredResource): JsonObject {
  const { spec } = stored
  return {
    model_id: stored.name,
    model_name: textOf(spec.model_name),
    litellm_params: masked(objectOf(spec.litellm_params)),
    model_info: { ...masked(objectOf(spec.model_info)), id: stored.name, db_model: true },
    blocked: spec.blocked === true,
    created_at: new Date(stored.createdAt).toISOString(),
    created_by: stored.createdBy,
    updated_at: new Date(stored.updatedAt).toISOString(),
    updated_by: stored.updatedBy,
  }
}

export function objectOf(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {}
}

export function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}
