import { z } from 'zod'
import type { Principal } from '../../../core/principal.ts'
import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { namesOf, omit, present, textOf, withoutUnsaid } from '../body-changes.ts'
import { deleteKeys } from '../keys/delete.ts'
import { knownTeam } from '../keys/find.ts'
import { managementSettings } from '../management-settings.ts'
import { setSpend } from '../money-fields.ts'
import {
  changers,
  defaultMemberPermissions,
  organizationStandings,
  permit,
  roleStandings,
  teamStandings,
} from '../permissions.ts'
import { callerOf, type RecordPorts } from '../record-ports.ts'
import { adminOnly, refusal, wrapped } from '../refusals.ts'
import { warned } from '../without-effect.ts'
import { putTeam } from './body.ts'
import { newTeamBody, updateTeamBody } from './fields.ts'
import { addMembers, leaveAccessGroups } from './membership.ts'
import { teamRow } from './row.ts'

const tag = 'team management'

export function teamChangeRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/team/new',
      summary: 'Makes a team; whoever makes it is one of its admins',
      tag,
      roles: changers,
      body: newTeamBody,
      async handle(call) {
        const settings = managementSettings(call.exchange.snapshot)
        const sent: JsonObject = { ...settings.default_team_params, ...withoutUnsaid(present(call.body)) }
        const id = textOf(sent.team_id) ?? ports.newId()
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          await permitNewTeam(transaction, call.principal, textOf(sent.organization_id))
          if ((await transaction.record('team', id)) !== undefined) {
            throw wrapped(400, `Team id = ${id} already exists. Please use a different team id.`)
          }
          const permissions = namesOf(sent.team_member_permissions)
          const granted = permissions.length > 0 ? permissions : defaultMemberPermissions
          const made = await putTeam(ports, transaction, id, undefined, { ...sent, team_member_permissions: granted })
          const members = [...(call.body.members_with_roles ?? [])]
          const { userId } = call.principal
          if (userId !== '' && !members.some((member) => member.user_id === userId)) {
            members.push({ role: 'admin', user_id: userId })
          }
          const { team } = await addMembers(ports, transaction, made, members, {}, settings)
          return team
        })
        return warned(changeReply(call.change, outcome, await teamRow(ports, outcome.result)), sent)
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/team/update',
      summary: 'Changes a team; only what is sent counts, and null clears',
      tag,
      roles: changers,
      body: updateTeamBody,
      async handle(call) {
        const { team_id: id, spend } = call.body
        const sent = present(call.body)
        const editable = managementSettings(call.exchange.snapshot).team_admin_editable_team_fields
        const revocation = call.body.blocked === true
        const outcome = await ports.changes.records(
          { ...call.change, ...(revocation ? { revocation } : {}) },
          async (transaction) => {
            const team = await knownTeam(transaction, id)
            await permitTeamUpdate(transaction, call.principal, team, sent, editable)
            return putTeam(ports, transaction, id, team, sent)
          },
        )
        if (typeof spend === 'number' && call.change.dryRun !== true) await setSpend(ports, 'team', id, spend)
        return warned(
          changeReply(call.change, outcome, { team_id: id, data: await teamRow(ports, outcome.result) }),
          sent,
        )
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/team/delete',
      summary: 'Deletes teams with their keys and memberships; all of them or none',
      tag,
      roles: ['proxy_admin'],
      body: z.object({ team_ids: z.array(z.string()) }),
      async handle(call) {
        const ids = [...new Set(call.body.team_ids)]
        const outcome = await ports.changes.records({ ...call.change, revocation: true }, async (transaction) => {
          for (const id of ids) await deleteTeam(transaction, call.principal, id)
        })
        return changeReply(call.change, outcome, { deleted_teams: ids })
      },
    }),
    blockRoute(ports, '/team/block', true),
    blockRoute(ports, '/team/unblock', false),
    modelsRoute(ports, '/team/model/add', (models, named) => [...new Set([...models, ...named])]),
    modelsRoute(ports, '/team/model/delete', (models, named) => {
      const left = models.filter((model) => !named.includes(model))
      // An empty list would allow everything.
      return models.length > 0 && left.length === 0 ? ['no-default-models'] : left
    }),
  ]
}

function blockRoute(ports: RecordPorts, path: string, blocked: boolean): DeclaredRoute {
  return adminRoute({
    method: 'POST',
    path,
    summary: blocked ? 'Refuses the calls of a team; answered when every replica does' : 'Serves a team again',
    tag,
    roles: ['proxy_admin'],
    body: z.object({ team_id: z.string() }),
    async handle(call) {
      const outcome = await ports.changes.records({ ...call.change, revocation: blocked }, async (transaction) => {
        const team = await knownTeam(transaction, call.body.team_id)
        return transaction.putRecord('team', team.id, { ...team.body, blocked })
      })
      return changeReply(call.change, outcome, await teamRow(ports, outcome.result))
    },
  })
}

function modelsRoute(
  ports: RecordPorts,
  path: string,
  changed: (models: readonly string[], named: readonly string[]) => readonly string[],
): DeclaredRoute {
  return adminRoute({
    method: 'POST',
    path,
    summary: path.endsWith('add') ? 'Adds models to the list of a team' : 'Takes models from the list of a team',
    tag,
    roles: changers,
    body: z.object({ team_id: z.string(), models: z.array(z.string()) }),
    async handle(call) {
      const { team_id: teamId, models } = call.body
      const outcome = await ports.changes.records(call.change, async (transaction) => {
        const team = await knownTeam(transaction, teamId)
        const standings = await teamStandings(transaction, call.principal, team)
        permit('team.models', standings, { route: path, teamId, caller: callerOf(call.principal) })
        return putTeam(ports, transaction, team.id, team, { models: changed(namesOf(team.body.models), models) })
      })
      return changeReply(call.change, outcome, await teamRow(ports, outcome.result))
    },
  })
}

/** Proxy admins, and admins of an organization in it. @throws GatewayError (401) */
async function permitNewTeam(
  transaction: Transaction,
  principal: Principal,
  organization: string | undefined,
): Promise<void> {
  const standings =
    organization === undefined
      ? roleStandings(principal)
      : await organizationStandings(transaction, principal, organization)
  if (!standings.has('proxy_admin') && !standings.has('org_admin')) throw adminOnly('/team/new', principal)
}

/** Only proxy admins lift what the organization is bound to, or move a team out of it. */
const notForOrganizations = ['organization_id', 'spend']

/** @throws GatewayError (403) */
async function permitTeamUpdate(
  transaction: Transaction,
  principal: Principal,
  team: StoredRecord,
  sent: JsonObject,
  editable: readonly string[],
): Promise<void> {
  if (principal.role === 'proxy_admin') return
  const standings = await teamStandings(transaction, principal, team)
  const names = Object.keys(omit(sent, ['team_id']))
  const facts = { route: '/team/update', teamId: team.id, caller: callerOf(principal) }
  const some = names.every((name) => editable.includes(name))
  permit(some ? 'team.update-some-fields' : 'team.update', standings, facts)
  const reserved = names.find((name) => notForOrganizations.includes(name) && sent[name] !== team.body[name])
  if (reserved !== undefined) {
    throw refusal(403, `Only proxy admins can change ${reserved} of a team.`, 'auth_error', reserved)
  }
}

/** @throws GatewayError (404) */
export async function deleteTeam(transaction: Transaction, principal: Principal, id: string): Promise<void> {
  const team = await knownTeam(transaction, id)
  const { records: keys } = await transaction.records({ kind: 'key', where: { team_id: id } })
  await deleteKeys(transaction, principal, keys)
  const { records: memberships } = await transaction.records({ kind: 'team-member', where: { team_id: id } })
  for (const membership of memberships) await transaction.deleteRecord('team-member', membership.id)
  await leaveAccessGroups(transaction, team)
  await transaction.deleteRecord('team', id)
}
