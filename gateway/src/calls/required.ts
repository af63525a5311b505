import { GatewayError } from '../core/errors.ts'
import { isObject, type JsonObject } from '../lib/json.ts'
import type { Call } from './call.ts'

/**
 * Why a call lacks what the operator says it must have, or has what it must not, in LiteLLM's words; `undefined`: it may be made.
 * LiteLLM answers some of these with 401; a key that counts is not what is wrong.
 */
export function requiredRefusal(call: Call): GatewayError | undefined {
  const { principal, settings, endUser, namesTags } = call
  const { needed, neededOfServiceAccounts, needsEndUser, refusesTags } = settings.required
  if (needsEndUser && endUser === undefined) {
    return refused("'user' param not passed in. 'enforce_user_param'=True", 'user')
  }
  if (refusesTags && namesTags) {
    return refused(
      "Client-side 'metadata.tags' not allowed in request. 'reject_clientside_metadata_tags'=True. Tags can only be set via API key metadata.",
      'metadata.tags',
    )
  }
  const ofKey = principal.key?.neededParameters ?? none
  for (const names of [needed, ofKey]) {
    for (const name of names) {
      const missing = missingIn(call.body, name)
      if (missing !== undefined) return refused(sentenceOf(missing), name.startsWith(missing) ? missing : name)
    }
  }
  if (principal.key?.isServiceAccount !== true) return undefined
  const name = neededOfServiceAccounts.find((each) => missingIn(call.body, each) !== undefined)
  return name === undefined ? undefined : refused(`${sentenceOf(name)} for service account`, name)
}

const none: readonly string[] = []

function sentenceOf(name: string): string {
  return `BadRequest please pass param=${name} in request body. This is a required param`
}

/** @returns how LiteLLM names what is not there; `undefined`: it is. @param name `user`, `metadata.generation_name` */
function missingIn(body: JsonObject, name: string): string | undefined {
  const [first = '', ...inner] = name.split('.')
  if (!Object.hasOwn(body, first)) return first
  let value = body[first]
  for (const step of inner) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return `[${[first, ...inner].join('][')}]`
    value = value[step]
  }
  return undefined
}

function refused(message: string, param: string): GatewayError {
  return new GatewayError('bad_request', message, { param })
}
