import { GatewayError } from '../../../core/errors.ts'
import type { Role } from '../../../core/role.ts'

/** The errors of the model routes in LiteLLM's words, statuses and types (contract 2.3). */

export function storeOff(): GatewayError {
  return new GatewayError(
    'store_disabled',
    `{'error': "Set \`'STORE_MODEL_IN_DB='True'\` in your env to enable this feature."}`,
    { param: 'None' },
  )
}

export function patchStoreOff(): GatewayError {
  return new GatewayError('config_owned', 'Model updates only supported for DB-stored models')
}

export function notYourModel(role: Role): GatewayError {
  return new GatewayError(
    'permission_denied',
    `User does not have permission to make this model call. Your role=${role}. You must be a proxy admin, or an admin of the team in model_info.team_id.`,
    { param: 'None' },
  )
}

/** LiteLLM answers 500 for this; a retry can do nothing about it, so the status says what it is. */
export function idTaken(id: string): GatewayError {
  return authError(
    409,
    `{'error': 'Failed to add model to db. A model with model_info.id=${id} exists already; leave the id out, or change that model with PATCH /model/${id}/update.'}`,
  )
}

export function unknownTeam(team: string): GatewayError {
  return authError(400, `{'error': 'Team not found, passed team_id=${team}'}`)
}

export function idMissing(): GatewayError {
  return authError(400, 'Authentication Error, model_info.id not provided')
}

/** For the legacy `/model/update`. */
export function updateUnknown(): GatewayError {
  return authError(400, "{'error': 'model not found'}")
}

export function updateConfigModel(): GatewayError {
  return authError(
    400,
    `{'error': "Can't edit model. Model in config. Store model in db via \`/model/new\`. to edit."}`,
  )
}

export function patchUnknown(id: string): GatewayError {
  return new GatewayError('record_not_found', `Model ${id} not found on proxy.`)
}

export function patchConfigModel(): GatewayError {
  return new GatewayError('config_owned', 'Cannot edit config-based model. Store model in DB via /model/new first.')
}

export function deleteUnknown(id: string): GatewayError {
  return authError(400, `{'error': 'Model with id=${id} not found in db'}`)
}

export function blockedByAdminOnly(): GatewayError {
  return new GatewayError('permission_denied', "Only proxy admins can change a model's blocked flag.", {
    param: 'blocked',
  })
}

function authError(status: number, message: string): GatewayError {
  return new GatewayError('bad_request', message, { param: 'None', wire: { status, type: 'auth_error' } })
}
