import type { JsonObject, JsonValue } from '../../../lib/json.ts'
import { isoTime, objectOf, omit, pick, present, withChanges } from '../body-changes.ts'
import { afterDuration, checkDuration, isLonger, never } from '../duration-words.ts'
import { checkLimits } from '../limit-checks.ts'
import type { ManagementSettings } from '../management-settings.ts'
import { refusal, wrapped } from '../refusals.ts'
import { withoutMasks } from '../secret-places.ts'
import { metadataFields } from '../wire-fields.ts'
import { clearedKey, emptyKey, type GenerateBody, notStored, routesOfType, type UpdateBody } from './fields.ts'

const metadataNames = Object.keys(metadataFields)

/** Which ceilings count how: amounts as numbers, times by their length. */
const amountCeilings = ['max_budget', 'max_parallel_requests', 'tpm_limit', 'rpm_limit'] as const
const timeCeilings = ['duration', 'budget_duration'] as const

/**
 * What a new key is to be, from what was sent, the operator's defaults and ceilings (contract 3.2).
 * @returns the request with defaults and ceilings filled in
 * @throws GatewayError (400) above a ceiling
 */
export function withOperatorsDefaults(sent: GenerateBody, settings: ManagementSettings): JsonObject {
  const body: Record<string, JsonValue | undefined> = present(sent) as Record<string, JsonValue | undefined>
  for (const [name, value] of Object.entries(settings.default_key_generate_params)) {
    if (body[name] === undefined || body[name] === null) body[name] = value
  }
  const ceilings = settings.upperbound_key_generate_params
  for (const name of amountCeilings) {
    const most = ceilings[name]
    if (typeof most !== 'number') continue
    const value = body[name]
    if (typeof value === 'number' && value > most) throw aboveCeiling(name, value, most)
    if (typeof value !== 'number') body[name] = most
  }
  for (const name of timeCeilings) {
    const most = ceilings[name]
    if (typeof most !== 'string') continue
    const value = body[name]
    if (typeof value === 'string' && (value === never || isLonger(value, most))) {
      throw aboveCeiling(name, value, most)
    }
    if (typeof value !== 'string') body[name] = most
  }
  return body
}

/**
 * The stored body of a new key.
 * @param request with the operator's defaults in it
 * @throws GatewayError (400)
 */
export function newKeyBody(request: JsonObject, now: number): JsonObject {
  checkLimits(request)
  const { duration, key_type: type, allowed_routes: routes } = request
  const typeRoutes = typeof type === 'string' ? routesOfType[type as keyof typeof routesOfType] : []
  return {
    ...emptyKey,
    ...withChanges({}, omit(request, notStored), clearedKey),
    metadata: withMetadataFields(objectOf(request.metadata), request),
    allowed_routes: Array.isArray(routes) && routes.length > 0 ? routes : [...typeRoutes],
    expires: typeof duration === 'string' ? expiry(duration, now) : null,
    ...rotation(request, now),
  }
}

/**
 * The body after an update: only what was sent counts, and `null` clears.
 * @throws GatewayError (400)
 */
export function updatedKeyBody(body: JsonObject, sent: UpdateBody, now: number): JsonObject {
  const request = withoutMasks(present(sent), body)
  checkLimits(request)
  const changed = withChanges(body, omit(request, notStored), clearedKey)
  const metadata = request.metadata === undefined ? objectOf(body.metadata) : objectOf(request.metadata)
  const { duration } = request
  return {
    ...changed,
    metadata: withTemporaryBudget(withMetadataFields(metadata, request), request, now),
    ...(duration === undefined ? {} : { expires: typeof duration === 'string' ? expiry(duration, now) : null }),
    ...(request.auto_rotate === undefined && request.rotation_interval === undefined ? {} : rotation(changed, now)),
  }
}

/** Names that live in `metadata` come and go there; `null` takes one out. */
function withMetadataFields(metadata: JsonObject, request: JsonObject): JsonObject {
  const fields = pick(request, metadataNames)
  if (Object.keys(fields).length === 0) return metadata
  const merged = { ...metadata, ...fields }
  return Object.fromEntries(Object.entries(merged).filter(([name, value]) => value !== null || !(name in fields)))
}

/** @throws GatewayError (400) for one without the other (contract 3.3) */
function withTemporaryBudget(metadata: JsonObject, request: JsonObject, now: number): JsonObject {
  const { temp_budget_increase: increase, temp_budget_expiry: until } = request
  if (increase === undefined && until === undefined) return metadata
  if (increase === null && until === null) return omit(metadata, ['temp_budget_increase', 'temp_budget_expiry'])
  if (typeof increase !== 'number' || typeof until !== 'string') {
    throw wrapped(400, 'temp_budget_increase and temp_budget_expiry must be given together')
  }
  const at = /^\d+(s|mo|m|h|d|w)$/.test(until) ? afterDuration(now, until, 'temp_budget_expiry') : Date.parse(until)
  if (Number.isNaN(at)) throw wrapped(400, 'temp_budget_expiry is neither a duration nor a date')
  return { ...metadata, temp_budget_increase: increase, temp_budget_expiry: isoTime(at) }
}

function rotation(request: JsonObject, now: number): JsonObject {
  const { auto_rotate: rotates, rotation_interval: interval } = request
  checkDuration(typeof interval === 'string' ? interval : undefined, 'rotation_interval')
  if (rotates !== true) return { key_rotation_at: null }
  if (typeof interval !== 'string') throw wrapped(400, 'rotation_interval is required when auto_rotate is true')
  return { key_rotation_at: isoTime(afterDuration(now, interval, 'rotation_interval')) }
}

function expiry(duration: string, now: number): string | null {
  return duration === never ? null : isoTime(afterDuration(now, duration, 'duration'))
}

/**
 * An update stays below the operator's ceilings too.
 * @param lifts whether taking a bound away is allowed
 * @throws GatewayError (400)
 */
export function checkCeilings(request: JsonObject, ceilings: JsonObject, lifts: boolean): void {
  for (const name of [...amountCeilings, ...timeCeilings]) {
    const most = ceilings[name]
    const value = request[name]
    if (most === undefined || most === null || value === undefined || (value === null && lifts)) continue
    const above =
      typeof most === 'number'
        ? typeof value !== 'number' || value > most
        : typeof most !== 'string' || typeof value !== 'string' || value === never || isLonger(value, most)
    if (above && (typeof most === 'number' || typeof most === 'string')) throw aboveCeiling(name, String(value), most)
  }
}

function aboveCeiling(name: string, value: number | string, most: number | string) {
  return wrapped(400, `${name} is over max limit set in config - user_value=${value}; max_value=${most}`)
}

/** @throws GatewayError (400) for an alias that another key has (contract 3.2) */
export function aliasTaken(alias: string) {
  return refusal(
    400,
    `Key with alias '${alias}' already exists. Unique key aliases across all keys are required.`,
    'bad_request_error',
    'key_alias',
  )
}
