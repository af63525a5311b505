import { isObject, type JsonObject } from '../../../lib/json.ts'
import { namesOf, omit, pick, textOf, withChanges, withoutUnsaid } from '../body-changes.ts'
import { checkLimits } from '../limit-checks.ts'
import type { ManagementSettings } from '../management-settings.ts'
import { resetAnchor } from '../money-fields.ts'
import type { RecordPorts } from '../record-ports.ts'
import { normalEmail } from './find.ts'
import { clearedUser, emptyUser } from './row.ts'

/** What of the settings a new user is made with. */
export type UserSettings = Pick<ManagementSettings, 'default_internal_user_params' | 'internalUsers'>

/** What goes to the user's first key and not to the user. */
export const keyNames = ['duration', 'key_alias', 'aliases', 'config', 'permissions', 'blocked', 'guardrails'] as const

const notStored = [
  ...keyNames,
  'teams',
  'organizations',
  'team_id',
  'auto_create_key',
  'send_invite_email',
  'spend',
  'model_rpm_limit',
  'model_tpm_limit',
  'prompts',
] as const

/** Defaults that are no fields of a user: teams are joined, and which ones somebody may join by himself is for a page we do not have. */
const notOfUser = ['teams', 'available_teams', 'auto_create_key']

/**
 * What is said of a new user, and what the settings say of those of whom it is not said (contract 3.8, 6.1). Proxy admins are given
 * nothing, and only internal users the budget of internal users.
 */
export function withUserDefaults(sent: JsonObject, settings: UserSettings): JsonObject {
  if (sent.user_role === 'proxy_admin') return sent
  const { default_internal_user_params: defaults, internalUsers } = settings
  // LiteLLM's clients send an empty list of models where they mean none in particular.
  const said = namesOf(sent.models).length === 0 ? omit(withoutUnsaid(sent), ['models']) : withoutUnsaid(sent)
  const request = { user_role: 'internal_user', ...omit(defaults, notOfUser), ...said }
  if (request.user_role !== 'internal_user') return request
  const { maxBudget, budgetDuration } = internalUsers
  return {
    ...(maxBudget === undefined ? {} : { max_budget: maxBudget }),
    ...(budgetDuration === undefined ? {} : { budget_duration: budgetDuration }),
    ...request,
  }
}

/**
 * The stored body of a new user.
 * @param request with the settings' defaults in it
 * @param now Unix ms
 * @throws GatewayError (400) for limits that nobody may have
 */
export function newUserBody(
  ports: Pick<RecordPorts, 'timezone'>,
  id: string,
  request: JsonObject,
  now: number,
): JsonObject {
  checkLimits(request)
  const email = textOf(request.user_email)
  return {
    ...withChanges(emptyUser, omit(request, notStored), clearedUser),
    metadata: withLimitsByModel(request),
    ...resetAnchor(ports, request.budget_duration, now),
    user_id: id,
    user_email: email === undefined ? null : normalEmail(email),
  }
}

/** What LiteLLM keeps in `metadata`. */
export function withLimitsByModel(request: JsonObject, before: JsonObject = {}): JsonObject {
  const metadata = isObject(request.metadata) ? request.metadata : request.metadata === null ? {} : before
  const fields = pick(request, ['model_rpm_limit', 'model_tpm_limit', 'guardrails', 'prompts'])
  const merged = { ...metadata, ...fields }
  return Object.fromEntries(Object.entries(merged).filter(([name, value]) => value !== null || !(name in fields)))
}
