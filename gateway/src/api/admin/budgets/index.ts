import { z } from 'zod'
import type { RecordKind, StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { objectOf, present } from '../body-changes.ts'
import type { RecordPorts } from '../record-ports.ts'
import { detailed } from '../refusals.ts'
import { count, limitFields, names, text } from '../wire-fields.ts'
import { warned } from '../without-effect.ts'
import { budgetRow } from './row.ts'
import { putBudget } from './store.ts'

const tag = 'budget management'
const readers = ['proxy_admin', 'proxy_admin_viewer'] as const

const budgetBody = z.object({
  budget_id: text,
  ...limitFields,
  tpd_limit: count,
  rpd_limit: count,
  allowed_models: names,
  budget_reset_at: text,
})

/** What `/budget/settings` describes, for forms. */
const described = [
  ['max_budget', 'Float', 'Requests fail once this much (USD) is spent.'],
  ['soft_budget', 'Float', 'Requests go on; a warning is given.'],
  ['max_parallel_requests', 'Integer', 'Requests under way at the same time.'],
  ['tpm_limit', 'Integer', 'Tokens in a minute.'],
  ['rpm_limit', 'Integer', 'Requests in a minute.'],
  ['budget_duration', 'String', 'When the sum starts again: 30s, 30m, 30h, 30d, 1mo.'],
  ['model_max_budget', 'Object', 'Budgets by model.'],
] as const

/** Who may refer to a budget. */
const holders: readonly RecordKind[] = [
  'key',
  'team-member',
  'organization',
  'organization-member',
  'customer',
  'tag',
  'project',
]

export function budgetRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/budget/new',
      summary: 'Makes a budget that keys, members, customers and organizations can refer to',
      tag,
      roles: ['proxy_admin'],
      body: budgetBody,
      async handle(call) {
        const sent = present(call.body)
        const id = call.body.budget_id || ports.newId()
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          if ((await transaction.record('budget', id)) !== undefined) {
            throw detailed(400, `Budget with id '${id}' already exists.`)
          }
          return putBudget(ports, transaction, id, undefined, sent)
        })
        return warned(changeReply(call.change, outcome, budgetRow(outcome.result)), present(call.body))
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/budget/update',
      summary: 'Changes a budget for everybody who refers to it',
      tag,
      roles: ['proxy_admin'],
      body: budgetBody,
      async handle(call) {
        const { budget_id: id } = call.body
        if (!id) throw detailed(400, 'budget_id is required')
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          const before = await transaction.record('budget', id)
          if (before === undefined) throw detailed(404, `Budget not found, passed budget_id=${id}`)
          return putBudget(ports, transaction, id, before, present(call.body))
        })
        return warned(changeReply(call.change, outcome, budgetRow(outcome.result)), present(call.body))
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/budget/info',
      summary: 'Shows budgets',
      tag,
      roles: readers,
      body: z.object({ budgets: z.array(z.string()) }),
      async handle({ body }) {
        if (body.budgets.length === 0) {
          throw detailed(400, `Specify list of budget id's to query. Passed in=[]`)
        }
        const { records } = await ports.store.records({ kind: 'budget', where: { id: body.budgets } })
        return { body: records.map(budgetRow) }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/budget/settings',
      summary: 'Describes what a budget can hold, with the values of one',
      tag,
      roles: readers,
      query: z.object({ budget_id: z.string() }),
      async handle({ query }) {
        const budget = await ports.store.record('budget', query.budget_id)
        return {
          body: described.map(([name, type, description]) => ({
            field_name: name,
            field_type: type,
            field_description: description,
            field_value: budget?.body[name] ?? null,
            stored_in_db: true,
            field_default_value: null,
          })),
        }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/budget/list',
      summary: 'Lists all budgets',
      tag,
      roles: readers,
      async handle() {
        const { records } = await ports.store.records({ kind: 'budget', sort: { by: 'created_at' } })
        return { body: records.map(budgetRow) }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/budget/delete',
      summary: 'Deletes a budget that nobody refers to',
      tag,
      roles: ['proxy_admin'],
      body: z.object({ id: z.string() }),
      async handle(call) {
        const { id } = call.body
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          await refuseIfHeld(transaction, id)
          const gone = await transaction.deleteRecord('budget', id)
          if (gone === undefined) throw detailed(404, `Budget not found, passed budget_id=${id}`)
          return gone
        })
        return changeReply(call.change, outcome, budgetRow(outcome.result))
      },
    }),
  ]
}

/** What a team gives its members has no column of its own to be found by. */
async function teamsWhoseMembersHave(transaction: Transaction, budget: string): Promise<readonly StoredRecord[]> {
  const { records } = await transaction.records({ kind: 'team', mentions: budget })
  return records.filter(({ body }) => objectOf(body.metadata).team_member_budget_id === budget)
}

/** A limit that vanished would let its holders spend without end. @throws GatewayError (400) naming them */
async function refuseIfHeld(transaction: Transaction, budget: string): Promise<void> {
  const found: StoredRecord[] = []
  let total = 0
  for (const kind of holders) {
    const page = await transaction.records({ kind, where: { budget_id: budget }, limit: 5 })
    found.push(...page.records)
    total += page.total
  }
  for (const team of await teamsWhoseMembersHave(transaction, budget)) {
    found.push(team)
    total += 1
  }
  if (total === 0) return
  const named = found.slice(0, 5).map(({ kind, id }) => `${kind} ${id}`)
  throw detailed(
    400,
    `Budget '${budget}' is in use by ${total} record(s): ${named.join(', ')}. Give them another budget first.`,
  )
}
