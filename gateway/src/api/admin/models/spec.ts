import { isDeepStrictEqual } from 'node:util'
import { isObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { masked } from '../masking.ts'
import { objectOf } from './row.ts'

/** Fields of `model_info` that are answered and never kept. */
const answeredOnly: ReadonlySet<string> = new Set(['id', 'db_model', 'key', 'supported_openai_params'])

/** The spec of a new deployment. `null` is "not set". */
export function newSpec(id: string, modelName: string, sent: JsonObject, info: JsonObject): JsonObject {
  return {
    model_name: modelName,
    litellm_params: withoutNull(objectOf(sent.litellm_params)),
    model_info: { ...withoutNull(omitAnswered(info)), id },
    ...(sent.blocked === true ? { blocked: true } : {}),
  }
}

/**
 * A stored spec with what was sent laid over it: only keys that were sent, `null` takes one away.
 * What a client read from `/model/info` and sends back means no change: masked values, and what the price map knows (contract 1.7).
 * @param shown `model_info` as the read routes answer it
 */
export function editedSpec(before: JsonObject, sent: JsonObject, shown: JsonObject): JsonObject {
  const params = objectOf(before.litellm_params)
  const info = objectOf(before.model_info)
  return {
    ...before,
    ...(typeof sent.model_name === 'string' ? { model_name: sent.model_name } : {}),
    litellm_params: laidOver(params, objectOf(sent.litellm_params), masked(params)),
    model_info: laidOver(info, omitAnswered(objectOf(sent.model_info)), { ...shown, ...masked(info) }),
    ...(typeof sent.blocked === 'boolean' ? { blocked: sent.blocked } : {}),
  }
}

function laidOver(before: JsonObject, sent: JsonObject, echoed: JsonObject): JsonObject {
  const after: Record<string, JsonValue | undefined> = { ...before }
  for (const [key, value] of Object.entries(sent)) {
    if (value === undefined) continue
    if (value === null) delete after[key]
    else if (Object.hasOwn(echoed, key) && isDeepStrictEqual(echoed[key], value)) continue
    // Headers and the like come back masked inside a mapping of which other entries were changed.
    else if (isObject(value) && isObject(before[key]) && isObject(echoed[key])) {
      after[key] = unmasked(value, before[key], echoed[key])
    } else after[key] = value
  }
  return after
}

/** The mapping as sent, but for entries that are sent as they were shown: those stay what they are. */
function unmasked(sent: JsonObject, before: JsonObject, echoed: JsonObject): JsonObject {
  const entries = Object.entries(sent).map(([key, value]): [string, JsonValue | undefined] => {
    const same = Object.hasOwn(before, key) && isDeepStrictEqual(echoed[key], value)
    return [key, same ? before[key] : value]
  })
  return Object.fromEntries(entries)
}

function omitAnswered(info: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(info).filter(([key]) => !answeredOnly.has(key)))
}

function withoutNull(values: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined))
}
