import { z } from 'zod'
import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { pick, present, textOf } from '../body-changes.ts'
import { chosenKey, putKey } from '../keys/generate.ts'
import { generatedKey, keyRows } from '../keys/row.ts'
import { managementSettings } from '../management-settings.ts'
import { setSpend } from '../money-fields.ts'
import { joinOrganization } from '../organizations/membership.ts'
import type { RecordPorts } from '../record-ports.ts'
import { wrapped } from '../refusals.ts'
import { type TeamEntry, teamEntry } from '../teams/entry.ts'
import { addMembers } from '../teams/membership.ts'
import { warned } from '../without-effect.ts'
import { keyNames, newUserBody, type UserSettings, withUserDefaults } from './body.ts'
import { userFields } from './fields.ts'
import { userOfEmail } from './find.ts'
import { userRows } from './row.ts'

const newBody = z.object({
  ...userFields,
  teams: z.array(teamEntry).nullish(),
  organizations: z.array(z.string()).nullish(),
  organization_id: z.string().nullish(),
  team_id: z.string().nullish(),
  auto_create_key: z.boolean().nullish(),
  send_invite_email: z.boolean().nullish(),
  duration: z.string().nullish(),
  key_alias: z.string().nullish(),
  aliases: z.record(z.string(), z.string()).nullish(),
  config: userFields.metadata,
  permissions: userFields.metadata,
})

export function newUserRoute(ports: RecordPorts): DeclaredRoute {
  return adminRoute({
    method: 'POST',
    path: '/user/new',
    summary: 'Makes a user and, unless told otherwise, a first key',
    tag: 'user management',
    roles: ['proxy_admin'],
    body: newBody,
    async handle(call) {
      const sent = present(call.body)
      const settings = managementSettings(call.exchange.snapshot)
      const request = withUserDefaults(sent, settings)
      const id = textOf(sent.user_id) ?? ports.newId()
      const wantsKey = call.body.auto_create_key !== false
      const keyRequest = { ...pick(request, keyNames), user_id: id }
      const chosen = chosenKey(ports, {})
      const outcome = await ports.changes.records(call.change, async (transaction) => {
        const user = await putUser(ports, transaction, id, request)
        const teams = call.body.teams ?? defaultTeams(request, settings)
        for (const entry of [...teams, ...(call.body.team_id ? [call.body.team_id] : [])]) {
          await joinTeam(ports, transaction, user, entry, settings)
        }
        const organizations = [...(call.body.organizations ?? []), call.body.organization_id ?? '']
        for (const organization of new Set(organizations.filter((name) => name !== ''))) {
          await joinOrganization(transaction, organization, user.id, 'internal_user')
        }
        const key = wantsKey ? await putKey(ports, transaction, keyRequest, chosen.key, chosen.token) : undefined
        return { key, user, plain: chosen.key }
      })
      const { key, user, plain } = outcome.result
      const { spend } = call.body
      if (typeof spend === 'number' && spend !== 0 && call.change.dryRun !== true) {
        await setSpend(ports, 'user', user.id, spend)
      }
      const [row] = await userRows(ports, ports.store, [user])
      const shown = key === undefined ? undefined : (await keyRows(ports, ports.store, [key]))[0]
      const reply = changeReply(call.change, outcome, {
        ...(shown === undefined
          ? { key: '', token: null, token_id: null, key_name: null, expires: null }
          : generatedKey(shown, call.change.dryRun === true ? '' : plain, call.body.duration)),
        ...row,
      })
      return warned(reply, request)
    },
  })
}

/** @throws GatewayError (409) for an id or an address that somebody has */
async function putUser(
  ports: RecordPorts,
  transaction: Transaction,
  id: string,
  request: JsonObject,
): Promise<StoredRecord> {
  if ((await transaction.record('user', id)) !== undefined) {
    throw wrapped(409, `User with user_id ${id} already exists`)
  }
  const email = textOf(request.user_email)
  if (email !== undefined && (await userOfEmail(transaction, email)) !== undefined) {
    throw wrapped(409, `User with email ${email} already exists`)
  }
  return transaction.putRecord('user', id, newUserBody(ports, id, request, transaction.now))
}

/** Teams that the settings put every new user into who is no proxy admin. */
function defaultTeams(request: JsonObject, { default_internal_user_params: defaults }: UserSettings) {
  if (request.user_role === 'proxy_admin') return []
  return z.array(teamEntry).catch([]).parse(defaults.teams)
}

async function joinTeam(
  ports: RecordPorts,
  transaction: Transaction,
  user: StoredRecord,
  entry: TeamEntry,
  settings: UserSettings,
): Promise<void> {
  const {
    team_id: id,
    user_role: role,
    max_budget_in_team: amount,
  } = typeof entry === 'string' ? { team_id: entry, user_role: undefined, max_budget_in_team: undefined } : entry
  const team = await transaction.record('team', id)
  if (team === undefined) throw wrapped(404, `Team not found, passed team_id=${id}`)
  const member = { role: role ?? 'user', user_id: user.id, user_email: textOf(user.body.user_email) } as const
  await addMembers(ports, transaction, team, [member], amount == null ? {} : { max_budget_in_team: amount }, settings)
}
