import { z } from 'zod'
import type { Principal } from '../../../core/principal.ts'
import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { omit, pick, present, textOf, withChanges } from '../body-changes.ts'
import { budgetNames, putBudget } from '../budgets/store.ts'
import { deleteKeys } from '../keys/delete.ts'
import { setSpend } from '../money-fields.ts'
import type { RecordPorts } from '../record-ports.ts'
import { detailed } from '../refusals.ts'
import { withoutMasks } from '../secret-places.ts'
import { deleteTeam } from '../teams/change.ts'
import { counts, limitFields, names, object, text } from '../wire-fields.ts'
import { clearedOrganization, emptyOrganization, organizationRows, wholeOrganizations } from './row.ts'

const tag = 'organization management'

const fields = {
  organization_alias: text,
  organization_id: text,
  models: names,
  budget_id: text,
  ...limitFields,
  model_rpm_limit: counts,
  model_tpm_limit: counts,
  metadata: object,
  object_permission: object,
}

export function organizationChangeRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/organization/new',
      summary: 'Makes an organization, with a budget that bounds its teams and keys',
      tag,
      roles: ['proxy_admin'],
      body: z.object({ ...fields, organization_alias: z.string() }),
      async handle(call) {
        const sent = present(call.body)
        const id = textOf(sent.organization_id) ?? ports.newId()
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          if ((await transaction.record('organization', id)) !== undefined) {
            throw detailed(400, `Organization id = ${id} already exists. Please use a different organization id.`)
          }
          return putOrganization(ports, transaction, id, undefined, sent)
        })
        return changeReply(call.change, outcome, (await organizationRows(ports, [outcome.result]))[0])
      },
    }),
    adminRoute({
      method: 'PATCH',
      path: '/organization/update',
      summary: 'Changes an organization; only what is sent counts',
      tag,
      roles: ['proxy_admin'],
      body: z.object({ ...fields, organization_id: z.string(), spend: z.number().nullish() }),
      async handle(call) {
        const { organization_id: id, spend } = call.body
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          const before = await transaction.record('organization', id)
          if (before === undefined) throw unknownOrganization()
          return putOrganization(ports, transaction, id, before, withoutMasks(present(call.body), before.body))
        })
        if (typeof spend === 'number' && call.change.dryRun !== true) await setSpend(ports, 'organization', id, spend)
        return changeReply(call.change, outcome, (await wholeOrganizations(ports, [outcome.result]))[0])
      },
    }),
    adminRoute({
      method: 'DELETE',
      path: '/organization/delete',
      summary: 'Deletes organizations with their teams, keys and memberships; all of them or none',
      tag,
      roles: ['proxy_admin'],
      body: z.object({ organization_ids: z.array(z.string()) }),
      async handle(call) {
        const ids = [...new Set(call.body.organization_ids)]
        const outcome = await ports.changes.records({ ...call.change, revocation: true }, async (transaction) => {
          const gone: StoredRecord[] = []
          for (const id of ids) gone.push(await deleteOrganization(transaction, call.principal, id))
          return gone
        })
        return changeReply(call.change, outcome, await organizationRows(ports, outcome.result))
      },
    }),
  ]
}

export function unknownOrganization() {
  return detailed(404, 'Organization not found')
}

/** The limits of an organization are its budget record; one that was named is somebody's already and is taken as it is. */
async function putOrganization(
  ports: RecordPorts,
  transaction: Transaction,
  id: string,
  before: StoredRecord | undefined,
  sent: JsonObject,
): Promise<StoredRecord> {
  const limits = pick(sent, budgetNames)
  const named = textOf(sent.budget_id)
  const current = named ?? textOf(before?.body.budget_id)
  const known = current === undefined ? undefined : await transaction.record('budget', current)
  if (named !== undefined && known === undefined) throw detailed(400, `Budget not found, passed budget_id=${named}`)
  const budget =
    known !== undefined && Object.keys(limits).length === 0
      ? known
      : await putBudget(ports, transaction, known?.id ?? ports.newId(), known, limits)
  const byModel = pick(sent, ['model_rpm_limit', 'model_tpm_limit'])
  const body = withChanges(
    before?.body ?? emptyOrganization,
    omit(sent, [...budgetNames, 'budget_id', 'spend', 'model_rpm_limit', 'model_tpm_limit']),
    clearedOrganization,
  )
  const { metadata } = body
  return transaction.putRecord('organization', id, {
    ...body,
    metadata: { ...(typeof metadata === 'object' && metadata !== null ? metadata : {}), ...byModel },
    organization_id: id,
    budget_id: budget.id,
  })
}

/** @returns what it was. @throws GatewayError (404) */
async function deleteOrganization(transaction: Transaction, principal: Principal, id: string): Promise<StoredRecord> {
  const gone = await transaction.deleteRecord('organization', id)
  if (gone === undefined) throw unknownOrganization()
  const where = { organization_id: id }
  const { records: teams } = await transaction.records({ kind: 'team', where })
  for (const team of teams) await deleteTeam(transaction, principal, team.id)
  const { records: keys } = await transaction.records({ kind: 'key', where })
  await deleteKeys(transaction, principal, keys)
  const { records: members } = await transaction.records({ kind: 'organization-member', where })
  for (const member of members) await transaction.deleteRecord('organization-member', member.id)
  return gone
}
