import { z } from 'zod'
import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { omit, pick, present, textOf, withChanges } from '../body-changes.ts'
import { budgetRow } from '../budgets/row.ts'
import { budgetNames, putBudget } from '../budgets/store.ts'
import { budgetsOf } from '../keys/row.ts'
import { moneyFields, setSpend, spentBy } from '../money-fields.ts'
import type { RecordPorts } from '../record-ports.ts'
import { refusal, wrapped } from '../refusals.ts'
import { flag, limitFields, names, object, text } from '../wire-fields.ts'
import { warned } from '../without-effect.ts'

/** End users of applications. LiteLLM has each route twice; the older name is `/end_user/…`. */

const tag = 'customer management'
const readers = ['proxy_admin', 'proxy_admin_viewer'] as const

const customerBody = z.object({
  user_id: z.string().min(1),
  alias: text,
  blocked: flag,
  ...limitFields,
  budget_id: text,
  spend: z.number().nullish(),
  allowed_model_region: z.enum(['eu', 'us']).nullish(),
  default_model: text,
  models: names,
  metadata: object,
  object_permission: object,
})

const emptyCustomer = {
  alias: null,
  blocked: false,
  allowed_model_region: null,
  default_model: null,
  budget_id: null,
  object_permission: null,
}

export function customerRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return ['/customer', '/end_user'].flatMap((prefix) => [
    adminRoute({
      method: 'POST',
      path: `${prefix}/new`,
      summary: 'Registers an end user, with limits of its own',
      tag,
      roles: ['proxy_admin'],
      body: customerBody,
      async handle(call) {
        const { user_id: id, spend } = call.body
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          if ((await transaction.record('customer', id)) !== undefined) {
            throw refusal(
              400,
              `Customer already exists, passed user_id=${id}. Please pass a new user_id.`,
              'bad_request',
              'user_id',
            )
          }
          return putCustomer(ports, transaction, id, undefined, present(call.body))
        })
        if (typeof spend === 'number' && call.change.dryRun !== true) await setSpend(ports, 'end_user', id, spend)
        return warned(
          changeReply(call.change, outcome, (await customerRows(ports, [outcome.result]))[0]),
          present(call.body),
        )
      },
    }),
    adminRoute({
      method: 'GET',
      path: `${prefix}/info`,
      summary: 'Shows an end user',
      tag,
      roles: readers,
      query: z.object({ end_user_id: z.string() }),
      async handle({ query }) {
        const customer = await ports.store.record('customer', query.end_user_id)
        if (customer === undefined) throw unknown(query.end_user_id, 'end_user_id')
        return { body: (await customerRows(ports, [customer]))[0] }
      },
    }),
    adminRoute({
      method: 'POST',
      path: `${prefix}/update`,
      summary: 'Changes an end user; limits go to its budget',
      tag,
      roles: ['proxy_admin'],
      body: customerBody,
      async handle(call) {
        const { user_id: id, spend, blocked } = call.body
        const outcome = await ports.changes.records(
          { ...call.change, revocation: blocked === true },
          async (transaction) => {
            const before = await transaction.record('customer', id)
            if (before === undefined) throw unknown(id, 'user_id')
            return putCustomer(ports, transaction, id, before, present(call.body))
          },
        )
        if (typeof spend === 'number' && call.change.dryRun !== true) await setSpend(ports, 'end_user', id, spend)
        return warned(
          changeReply(call.change, outcome, (await customerRows(ports, [outcome.result]))[0]),
          present(call.body),
        )
      },
    }),
    adminRoute({
      method: 'POST',
      path: `${prefix}/delete`,
      summary: 'Deletes end users; all of them or none',
      tag,
      roles: ['proxy_admin'],
      body: z.object({ user_ids: z.array(z.string()) }),
      async handle(call) {
        const ids = [...new Set(call.body.user_ids)]
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          for (const id of ids) {
            const gone = await transaction.deleteRecord('customer', id)
            if (gone === undefined) throw unknown(id, 'user_ids')
          }
        })
        return changeReply(call.change, outcome, {
          deleted_customers: ids.length,
          message: `Successfully deleted customers with ids: ${ids.join(', ')}`,
        })
      },
    }),
    adminRoute({
      method: 'GET',
      path: `${prefix}/list`,
      summary: 'Lists all end users',
      tag,
      roles: readers,
      async handle() {
        const { records } = await ports.store.records({ kind: 'customer', sort: { by: 'created_at' } })
        return { body: await customerRows(ports, records) }
      },
    }),
    blockRoute(ports, `${prefix}/block`, true),
    blockRoute(ports, `${prefix}/unblock`, false),
  ])
}

/** Blocks whoever is named, known or not: an end user exists by being named in a request. */
function blockRoute(ports: RecordPorts, path: string, blocked: boolean): DeclaredRoute {
  return adminRoute({
    method: 'POST',
    path,
    summary: blocked ? 'Refuses the calls of end users' : 'Serves the calls of end users again',
    tag,
    roles: ['proxy_admin'],
    body: z.object({ user_ids: z.array(z.string().min(1)) }),
    async handle(call) {
      const outcome = await ports.changes.records({ ...call.change, revocation: blocked }, async (transaction) => {
        const changed: StoredRecord[] = []
        for (const id of new Set(call.body.user_ids)) {
          const before = await transaction.record('customer', id)
          if (before === undefined && !blocked) continue
          const body = before?.body ?? { ...emptyCustomer, user_id: id }
          changed.push(await transaction.putRecord('customer', id, { ...body, blocked }))
        }
        return changed
      })
      return changeReply(call.change, outcome, { blocked_users: await customerRows(ports, outcome.result) })
    },
  })
}

async function putCustomer(
  ports: RecordPorts,
  transaction: Transaction,
  id: string,
  before: StoredRecord | undefined,
  sent: JsonObject,
): Promise<StoredRecord> {
  const limits = pick(sent, budgetNames)
  const named = textOf(sent.budget_id)
  if (named !== undefined && Object.keys(limits).length > 0) {
    throw refusal(400, 'Give either a budget_id or limits, not both.', 'bad_request', 'budget_id')
  }
  if (named !== undefined && (await transaction.record('budget', named)) === undefined) {
    throw wrapped(400, `Budget not found, passed budget_id=${named}`)
  }
  const body = withChanges(before?.body ?? emptyCustomer, omit(sent, [...budgetNames, 'spend']))
  if (Object.keys(limits).length === 0) return transaction.putRecord('customer', id, body)
  const budget = await budgetFor(ports, transaction, textOf(before?.body.budget_id), limits)
  return transaction.putRecord('customer', id, { ...body, budget_id: budget })
}

/** Changes the budget that was made for this holder; one that others have too is left alone and a new one takes its place. */
async function budgetFor(
  ports: RecordPorts,
  transaction: Transaction,
  current: string | undefined,
  limits: JsonObject,
): Promise<string> {
  const known = current === undefined ? undefined : await transaction.record('budget', current)
  const shared =
    known !== undefined &&
    (await transaction.records({ kind: 'customer', where: { budget_id: known.id }, limit: 2 })).total > 1
  if (known === undefined || shared) {
    const budget = await putBudget(ports, transaction, ports.newId(), undefined, { ...known?.body, ...limits })
    return budget.id
  }
  await putBudget(ports, transaction, known.id, known, limits)
  return known.id
}

async function customerRows(ports: RecordPorts, customers: readonly StoredRecord[]): Promise<readonly JsonObject[]> {
  const spentOf = await spentBy(
    ports,
    'end_user',
    customers.map((customer) => customer.id),
  )
  const budgets = await budgetsOf(ports.store, customers)
  return customers.map((customer) => {
    const budget = budgets.get(textOf(customer.body.budget_id) ?? '')
    return {
      ...emptyCustomer,
      ...customer.body,
      user_id: customer.id,
      spend: moneyFields(ports, {}, spentOf(customer.id)).spend,
      litellm_budget_table: budget === undefined ? null : budgetRow(budget),
    }
  })
}

function unknown(id: string, param: string) {
  return refusal(404, `End User Id=${id} does not exist in db`, 'not_found', param)
}
