import type { Settings } from '../core/settings.ts'
import { isObject, type JsonObject } from '../lib/json.ts'

/** What of the settings says how errors are told. */
export type ErrorSettings = Pick<Settings, 'callIdInErrors'>

/**
 * An error's body with the id of its call where the operator wants it (`general_settings.include_call_id_in_error_body`, contract 3.7).
 * @param body as a dialect wrote it
 */
export function withCallId(body: JsonObject, id: string, settings: ErrorSettings | undefined): JsonObject {
  if (settings?.callIdInErrors !== true || !isObject(body.error)) return body
  return { ...body, error: { ...body.error, litellm_call_id: id } }
}
