import type { StoredResource } from '../../../core/store.ts'
import { isObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { masked } from '../masking.ts'

/** When and by whom a row was written last; the draft of a change does not know it yet. */
export interface Written {
  /** Unix ms, by the store's clock. */
  readonly at: number
  readonly by: string
}

/** A deployment as the write routes answer it: LiteLLM's database row, its secrets masked where LiteLLM shows ciphertext. */
export function modelRow(stored: StoredResource, written: Written): JsonObject {
  const { spec } = stored
  return {
    model_id: stored.name,
    model_name: textOf(spec.model_name),
    litellm_params: masked(objectOf(spec.litellm_params)),
    model_info: { ...masked(objectOf(spec.model_info)), id: stored.name, db_model: true },
    blocked: spec.blocked === true,
    created_at: new Date(stored.createdAt || written.at).toISOString(),
    created_by: stored.createdBy || written.by,
    updated_at: new Date(written.at).toISOString(),
    updated_by: written.by,
  }
}

export function objectOf(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {}
}

export function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}
