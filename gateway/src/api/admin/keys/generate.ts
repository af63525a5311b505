import type { JsonObject } from '../../../lib/json.ts'
import { type AdminCall, type AdminReply, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { namesOf, objectOf, present, textOf } from '../body-changes.ts'
import { managementSettings } from '../management-settings.ts'
import { resetAnchor, setSpend } from '../money-fields.ts'
import { changers } from '../permissions.ts'
import type { RecordPorts } from '../record-ports.ts'
import { wrapped } from '../refusals.ts'
import { warned } from '../without-effect.ts'
import { newKeyBody, withOperatorsDefaults } from './body.ts'
import { type GenerateBody, generateBody } from './fields.ts'
import { checkReferences, claimAlias, knownTeam } from './find.ts'
import { checkKeyMaking } from './generation-rules.ts'
import { boundedByTeam } from './member-duration.ts'
import { generatedKey, keyRows } from './row.ts'
import { checkCustomKey, newKey, shownKey, tokenOf } from './token.ts'
import { permitNewKey, routesTold } from './who.ts'

export function generateRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/key/generate',
      summary: 'Makes a virtual key; the only time its plaintext is shown',
      tag: 'key management',
      roles: changers,
      body: generateBody,
      handle: (call) => generate(ports, call, '/key/generate'),
    }),
    adminRoute({
      method: 'POST',
      path: '/key/service-account/generate',
      summary: 'Makes a key that belongs to a team and to no user',
      tag: 'key management',
      roles: changers,
      body: generateBody,
      handle: (call) => generate(ports, call, '/key/service-account/generate'),
    }),
  ]
}

async function generate(
  ports: RecordPorts,
  call: AdminCall<GenerateBody, unknown>,
  route: string,
): Promise<AdminReply> {
  const service = route === '/key/service-account/generate'
  const { principal } = call
  const request = { ...withOperatorsDefaults(call.body, managementSettings(call.exchange.snapshot)) }
  if (service) {
    if (!textOf(request.team_id)) throw wrapped(400, 'team_id is required for service account keys.')
    if (textOf(request.user_id)) throw wrapped(400, 'user_id is not allowed for service account keys.')
    request.metadata = { ...objectOf(request.metadata), service_account_id: textOf(request.key_alias) ?? null }
  } else if (principal.role !== 'proxy_admin' && !textOf(request.user_id) && !textOf(request.team_id)) {
    request.user_id = principal.userId
  }
  const made = await makeKey(ports, call, request, present(call.body), route)
  return warned(changeReply(call.change, made.outcome, made.shown), request)
}

/**
 * Makes a key in a change of its own; `/user/new` makes one in its own change with `putKey`.
 * @throws GatewayError
 */
async function makeKey(
  ports: RecordPorts,
  call: AdminCall<unknown, unknown>,
  request: JsonObject,
  sent: JsonObject,
  route: string,
) {
  const chosen = chosenKey(ports, request)
  const outcome = await ports.changes.records(call.change, async (transaction) => {
    const teamId = textOf(request.team_id)
    const team = teamId === undefined ? undefined : await knownTeam(transaction, teamId)
    checkKeyMaking(managementSettings(call.exchange.snapshot).keyMaking, call.principal, sent, team)
    await permitNewKey(transaction, call.principal, request, sent, team, route)
    const routes = routesTold(call.principal, textOf(request.user_id))
    const bounded = boundedByTeam(request, team)
    const asked = routes === undefined ? bounded : { ...bounded, allowed_routes: routes }
    const record = await putKey(ports, transaction, asked, chosen.key, chosen.token)
    return { key: chosen.key, record, duration: asked.duration ?? null }
  })
  const { key, record, duration } = outcome.result
  const { spend } = request
  if (typeof spend === 'number' && spend !== 0 && call.change.dryRun !== true) {
    await setSpend(ports, 'api_key', record.id, spend)
  }
  const [shown] = await keyRows(ports, ports.store, [record])
  if (shown === undefined) throw new Error('one record has one row')
  return { outcome, shown: generatedKey(shown, call.change.dryRun === true ? shownKey(key) : key, duration) }
}

/** The key that was asked for, or a new one. */
export function chosenKey(ports: Pick<RecordPorts, 'randomBytes' | 'keyBytes'>, request: JsonObject) {
  const custom = typeof request.key === 'string' ? request.key : undefined
  if (custom !== undefined) checkCustomKey(custom)
  const key = custom ?? newKey(ports.randomBytes, ports.keyBytes)
  return { key, token: tokenOf(key) }
}

type Transaction = Parameters<typeof claimAlias>[0]

/** @throws GatewayError (400, 404) for a key or an alias that is taken, or an id that names nothing */
export async function putKey(
  ports: Pick<RecordPorts, 'timezone'>,
  transaction: Transaction,
  request: JsonObject,
  key: string,
  token: string,
) {
  // Nobody has drawn these random bytes before; only values that people choose can be taken.
  const chosen = typeof request.key === 'string'
  if (
    chosen &&
    ((await transaction.record('key', token)) !== undefined ||
      (await transaction.record('retired-key', token)) !== undefined)
  ) {
    throw wrapped(400, `Key with this value already exists. Key=${shownKey(key)}`)
  }
  await claimAlias(transaction, request.key_alias, token)
  await checkReferences(transaction, request)
  await joinAccessGroups(transaction, namesOf(request.access_group_ids), token)
  return transaction.putRecord('key', token, {
    ...newKeyBody(request, transaction.now),
    ...resetAnchor(ports, request.budget_duration, transaction.now),
    key_name: shownKey(key),
  })
}

/** A group lists the keys that have it. @throws GatewayError (404) for one that is not there */
async function joinAccessGroups(transaction: Transaction, groups: readonly string[], token: string): Promise<void> {
  for (const id of new Set(groups)) {
    const group = await transaction.record('access-group', id)
    if (group === undefined) throw wrapped(404, `Access group not found, passed access_group_id=${id}`)
    await transaction.putRecord('access-group', id, {
      ...group.body,
      assigned_key_ids: [...namesOf(group.body.assigned_key_ids), token],
    })
  }
}
