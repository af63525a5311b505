import type { Deployment } from '../../../core/deployment.ts'
import type { JsonObject, JsonValue } from '../../../lib/json.ts'

export interface Member {
  readonly deployment: Deployment
  /** `model_info` as shown. */
  readonly info: JsonObject
  readonly supported: readonly string[]
}

const abilities = [
  'supports_parallel_function_calling',
  'supports_vision',
  'supports_web_search',
  'supports_url_context',
  'supports_reasoning',
  'supports_function_calling',
]

const largest = [
  'max_input_tokens',
  'max_output_tokens',
  'input_cost_per_token',
  'output_cost_per_token',
  'input_cost_per_pixel',
]

/**
 * One public model as `/model_group/info` shows it: of limits and costs the largest of its deployments, `tpm` and `rpm` summed
 * (contract 2.4). What no deployment tells is `null`, never 0.
 */
export function groupInfo(name: string, members: readonly Member[], isPublic: boolean): JsonObject {
  const infos = members.map(({ info }) => info)
  return {
    model_group: name,
    providers: [...new Set(members.map(({ deployment }) => deployment.provider))],
    ...Object.fromEntries(largest.map((key) => [key, fold(infos, key, Math.max)])),
    mode: textIn(infos, 'mode'),
    tpm: fold(infos, 'tpm', (left, right) => left + right),
    rpm: fold(infos, 'rpm', (left, right) => left + right),
    ...Object.fromEntries(abilities.map((key) => [key, infos.some((info) => info[key] === true)])),
    supported_openai_params: [...new Set(members.flatMap(({ supported }) => supported))],
    configurable_clientside_auth_params: null,
    is_public_model_group: isPublic,
  }
}

function fold(infos: readonly JsonObject[], key: string, join: (left: number, right: number) => number): JsonValue {
  const values = infos.flatMap((info) => {
    const value = typeof info[key] === 'string' && info[key] !== '' ? Number(info[key]) : info[key]
    return typeof value === 'number' && Number.isFinite(value) ? [value] : []
  })
  return values.length === 0 ? null : values.reduce((left, right) => join(left, right))
}

function textIn(infos: readonly JsonObject[], key: string): JsonValue {
  return infos.map((info) => info[key]).find((value) => typeof value === 'string') ?? null
}
