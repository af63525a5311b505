import { isDeepStrictEqual } from 'node:util'
import { GatewayError } from '../../../core/errors.ts'
import type { Principal } from '../../../core/principal.ts'
import { holdsReference } from '../../../core/reference.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { masked } from '../masking.ts'
import { objectOf } from './row.ts'

/**
 * What an admin of a team must not do with a model of that team: let it send a secret that is not the team's own to a server of the
 * team's choice. The gateway's variables, its files and stored credentials are the operator's, and so is a key that somebody
 * else put into the model.
 * @param before `undefined`: the model is new
 * @param sent   `litellm_params` as sent
 * @throws GatewayError `permission_denied`
 */
export function keepOperatorsSecrets(
  principal: Principal,
  before: JsonObject | undefined,
  sent: JsonObject,
  after: JsonObject,
): void {
  if (principal.role === 'proxy_admin') return
  const was = objectOf(before?.litellm_params)
  const is = objectOf(after.litellm_params)
  if (isDeepStrictEqual(was, is)) return
  if (holdsReference(is)) {
    throw refused('litellm_params', 'refer to variables and files of the gateway (`os.environ/…`, `file:/…`)')
  }
  if (is.litellm_credential_name) {
    throw refused('litellm_params.litellm_credential_name', 'use stored credentials in a model')
  }
  const target = baseOf(is)
  if (target === undefined || isDeepStrictEqual(target, baseOf(was))) return
  // Without a key of its own the provider's variable is sent.
  if (!is.api_key) throw refused('litellm_params.api_key', 'give an `api_base` without an `api_key` of its own')
  const shown = masked(was)
  for (const [key, value] of Object.entries(was)) {
    const secret = !isDeepStrictEqual(shown[key], value)
    if (secret && isDeepStrictEqual(is[key], value) && !isDeepStrictEqual(sent[key], value)) {
      throw refused(`litellm_params.${key}`, `change \`api_base\` and keep \`${key}\`; send it again`)
    }
  }
}

function baseOf(params: JsonObject): JsonObject[string] {
  return params.api_base || params.base_url || undefined
}

function refused(param: string, what: string): GatewayError {
  return new GatewayError('permission_denied', `Only proxy admins may ${what}.`, { param })
}
