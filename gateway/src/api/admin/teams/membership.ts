import type { Principal } from '../../../core/principal.ts'
import { memberId, type StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { namesOf, objectOf, omit, textOf } from '../body-changes.ts'
import { putBudget } from '../budgets/store.ts'
import { deleteKeys } from '../keys/delete.ts'
import { rosterOf } from '../permissions.ts'
import type { RecordPorts } from '../record-ports.ts'
import { refusal, wrapped } from '../refusals.ts'
import { newUserBody, type UserSettings, withUserDefaults } from '../users/body.ts'
import { findUser, normalEmail, userOfEmail } from '../users/find.ts'

/** Who is to be in a team, as a caller names him. */
export interface NamedMember {
  readonly role: 'admin' | 'user'
  readonly user_id?: string | null | undefined
  readonly user_email?: string | null | undefined
}

/** Limits of one member in one team: they are a budget record of its own. */
export interface MemberLimits {
  readonly max_budget_in_team?: number | null | undefined
  readonly tpm_limit?: number | null | undefined
  readonly rpm_limit?: number | null | undefined
  readonly allowed_models?: readonly string[] | null | undefined
  readonly budget_duration?: string | null | undefined
}

export interface Added {
  readonly user: StoredRecord
  readonly membership: StoredRecord
}

/** The user id of the master key (contract 3.1). */
const masterUser = 'default_user_id'

type Tools = Pick<RecordPorts, 'newId' | 'timezone'>

/**
 * Puts people into a team; who is not known yet becomes a user (contract 3.9). All in the caller's change.
 * @param settings what a new user is given
 * @throws GatewayError (400) `team_member_already_in_team`
 */
export async function addMembers(
  ports: Tools,
  transaction: Transaction,
  team: StoredRecord,
  members: readonly NamedMember[],
  limits: MemberLimits,
  settings: UserSettings,
): Promise<{ readonly team: StoredRecord; readonly added: readonly Added[] }> {
  const roster = [...rosterOf(team.body)]
  const added: Added[] = []
  for (const member of members) {
    const user = await knownOrNew(ports, transaction, member, settings)
    if (roster.some((entry) => isMember(entry, user))) throw alreadyIn(member, user)
    roster.push({ role: member.role, user_id: user.id, user_email: member.user_email ?? null })
    const budget = await memberBudget(ports, transaction, team, undefined, limits)
    const membership = await transaction.putRecord('team-member', memberId(team.id, user.id), {
      team_id: team.id,
      user_id: user.id,
      budget_id: budget ?? null,
    })
    added.push({ user, membership })
  }
  const changed = await transaction.putRecord('team', team.id, { ...team.body, members_with_roles: roster })
  return { team: changed, added }
}

function isMember(entry: JsonObject, user: StoredRecord): boolean {
  const id = textOf(entry.user_id)
  if (id !== undefined) return id === user.id
  const email = textOf(entry.user_email)
  return email !== undefined && normalEmail(email) === textOf(user.body.user_email)
}

export async function knownOrNew(
  ports: Tools,
  transaction: Transaction,
  member: Omit<NamedMember, 'role'>,
  settings: UserSettings,
): Promise<StoredRecord> {
  const { user_id: id, user_email: email } = member
  if (!id && !email) throw wrapped(400, 'Either user_id or user_email must be provided')
  const known = await findUser(transaction, id, email)
  if (known !== undefined) return known
  // An address belongs to one user, so a new id cannot have it too.
  const taken = id && email ? await userOfEmail(transaction, email) : undefined
  const userId = id || ports.newId()
  const request = withUserDefaults(
    {
      // Whoever has the master key is a member of the teams he makes.
      ...(userId === masterUser ? { user_role: 'proxy_admin' } : {}),
      ...(email && taken === undefined ? { user_email: email } : {}),
    },
    settings,
  )
  return transaction.putRecord('user', userId, newUserBody(ports, userId, request, transaction.now))
}

/**
 * The budget of a membership: one of its own as soon as limits are named, else the one that the team gives its members.
 * @param current the membership's
 */
export async function memberBudget(
  ports: Tools,
  transaction: Transaction,
  team: StoredRecord,
  current: string | undefined,
  limits: MemberLimits,
): Promise<string | undefined> {
  const { max_budget_in_team: amount, ...others } = limits
  const sent = Object.fromEntries(
    Object.entries({ ...others, max_budget: amount }).filter(([, value]) => value !== undefined),
  ) as JsonObject
  const shared = textOf(objectOf(team.body.metadata).team_member_budget_id)
  if (Object.keys(sent).length === 0) return current ?? shared
  const own = current === undefined || current === shared ? undefined : await transaction.record('budget', current)
  const inherited = own === undefined && shared !== undefined ? await transaction.record('budget', shared) : undefined
  const id = own?.id ?? ports.newId()
  const budget = await putBudget(ports, transaction, id, own, {
    ...omit(inherited?.body ?? {}, ['budget_id']),
    ...sent,
  })
  return budget.id
}

/**
 * Takes somebody out of a team, with the keys he has in it.
 * @throws GatewayError (400) for whoever is no member
 */
export async function removeMember(
  transaction: Transaction,
  principal: Principal,
  team: StoredRecord,
  named: { readonly user_id?: string | null | undefined; readonly user_email?: string | null | undefined },
): Promise<StoredRecord> {
  const { user_id: id, user_email: email } = named
  if (!id && !email) throw wrapped(400, 'Either user_id or user_email needs to be passed in')
  const user = await findUser(transaction, id, email)
  const userId = id || user?.id
  const roster = rosterOf(team.body)
  const address = email ? normalEmail(email) : textOf(user?.body.user_email)
  const rest = roster.filter((entry) => {
    const entryId = textOf(entry.user_id)
    if (entryId !== undefined) return entryId !== userId
    const entryEmail = textOf(entry.user_email)
    return entryEmail === undefined || address === undefined || normalEmail(entryEmail) !== address
  })
  if (rest.length === roster.length) throw wrapped(400, 'User not found in team. Passed values do not match a member.')
  if (userId !== undefined) await endMembership(transaction, principal, team.id, userId)
  return transaction.putRecord('team', team.id, { ...team.body, members_with_roles: rest })
}

/** The membership itself and the member's keys of that team; the roster is the caller's. */
export async function endMembership(
  transaction: Transaction,
  principal: Principal,
  teamId: string,
  userId: string,
): Promise<void> {
  await transaction.deleteRecord('team-member', memberId(teamId, userId))
  const { records: keys } = await transaction.records({ kind: 'key', where: { team_id: teamId, user_id: userId } })
  await deleteKeys(transaction, principal, keys)
}

/** Takes a user out of the roster of every team that has it. */
export async function leaveTeams(transaction: Transaction, userId: string): Promise<void> {
  const { records } = await transaction.records({ kind: 'team-member', where: { user_id: userId } })
  for (const membership of records) {
    await transaction.deleteRecord('team-member', membership.id)
    const teamId = textOf(membership.body.team_id)
    const team = teamId === undefined ? undefined : await transaction.record('team', teamId)
    if (team === undefined) continue
    const rest = rosterOf(team.body).filter((entry) => entry.user_id !== userId)
    await transaction.putRecord('team', team.id, { ...team.body, members_with_roles: rest })
  }
}

/** Access groups list the teams that have them. */
export async function leaveAccessGroups(transaction: Transaction, team: StoredRecord): Promise<void> {
  for (const id of namesOf(team.body.access_group_ids)) {
    const group = await transaction.record('access-group', id)
    if (group === undefined) continue
    const rest = namesOf(group.body.assigned_team_ids).filter((other) => other !== team.id)
    await transaction.putRecord('access-group', id, { ...group.body, assigned_team_ids: rest })
  }
}

function alreadyIn(member: NamedMember, user: StoredRecord) {
  const named = member.user_id
    ? `user_id=${member.user_id}`
    : `user_email=${member.user_email ?? ''}, user_id=${user.id}`
  return refusal(400, `User already in team. Member: ${named}`, 'team_member_already_in_team', 'member')
}
