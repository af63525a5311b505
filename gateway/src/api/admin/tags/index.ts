import { z } from 'zod'
import type { GatewayError } from '../../../core/errors.ts'
import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { isoTime, omit, pick, present, textOf, withChanges } from '../body-changes.ts'
import { budgetRow } from '../budgets/row.ts'
import { budgetNames, putBudget } from '../budgets/store.ts'
import { budgetsOf } from '../keys/row.ts'
import { moneyFields, spentBy } from '../money-fields.ts'
import type { RecordPorts } from '../record-ports.ts'
import { detailed } from '../refusals.ts'
import { limitFields, names, text } from '../wire-fields.ts'

/** Tags of requests, with a description and a budget. */

const tag = 'tag management'
const readers = ['proxy_admin', 'proxy_admin_viewer'] as const

const tagBody = z.object({
  name: z.string().min(1),
  description: text,
  models: names,
  budget_id: text,
  ...limitFields,
})

const emptyTag = { description: null, models: [], budget_id: null }

export function tagRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    putRoute(ports, {
      path: '/tag/new',
      summary: 'Makes a tag, with a budget if limits are named',
      done: 'created',
      refuse: (name, before) => (before === undefined ? undefined : detailed(400, `Tag ${name} already exists`)),
    }),
    putRoute(ports, {
      path: '/tag/update',
      summary: 'Changes a tag; only what is sent counts',
      done: 'updated',
      refuse: (name, before) => (before === undefined ? unknown(name) : undefined),
    }),
    adminRoute({
      method: 'POST',
      path: '/tag/info',
      summary: 'Shows tags, by name',
      tag,
      roles: readers,
      body: z.object({ names: z.array(z.string()).min(1) }),
      async handle({ body }) {
        const { records } = await ports.store.records({ kind: 'tag', where: { id: body.names } })
        const missing = body.names.find((name) => !records.some((record) => record.id === name))
        if (missing !== undefined) throw unknown(missing)
        const rows = await tagRows(ports, records)
        return { body: Object.fromEntries(rows.map((row) => [row.name, row])) }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/tag/list',
      summary: 'Lists the tags',
      tag,
      roles: readers,
      async handle() {
        const { records } = await ports.store.records({ kind: 'tag', sort: { by: 'created_at' } })
        return { body: await tagRows(ports, records) }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/tag/delete',
      summary: 'Deletes a tag; its budget stays',
      tag,
      roles: ['proxy_admin'],
      body: z.object({ name: z.string() }),
      async handle(call) {
        const { name } = call.body
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          if ((await transaction.deleteRecord('tag', name)) === undefined) throw unknown(name)
        })
        return changeReply(call.change, outcome, { message: `Tag ${name} deleted successfully` })
      },
    }),
  ]
}

interface Put {
  readonly path: `/tag/${string}`
  readonly summary: string
  readonly done: string
  /** Why it cannot be put over what is there. */
  refuse(name: string, before: StoredRecord | undefined): GatewayError | undefined
}

function putRoute(ports: RecordPorts, { path, summary, done, refuse }: Put): DeclaredRoute {
  return adminRoute({
    method: 'POST',
    path,
    summary,
    tag,
    roles: ['proxy_admin'],
    body: tagBody,
    async handle(call) {
      const { name } = call.body
      const outcome = await ports.changes.records(call.change, async (transaction) => {
        const before = await transaction.record('tag', name)
        const refusal = refuse(name, before)
        if (refusal !== undefined) throw refusal
        return putTag(ports, transaction, name, before, present(call.body))
      })
      const [row] = await tagRows(ports, [outcome.result])
      return changeReply(call.change, outcome, { message: `Tag ${name} ${done} successfully`, tag: row })
    },
  })
}

/** @throws GatewayError (400) */
async function putTag(
  ports: RecordPorts,
  transaction: Transaction,
  name: string,
  before: StoredRecord | undefined,
  sent: JsonObject,
): Promise<StoredRecord> {
  const limits = pick(sent, budgetNames)
  const current = textOf(sent.budget_id) ?? textOf(before?.body.budget_id)
  const known = current === undefined ? undefined : await transaction.record('budget', current)
  if (current !== undefined && known === undefined) throw detailed(400, `Budget not found, passed budget_id=${current}`)
  const body = withChanges(before?.body ?? emptyTag, omit(sent, [...budgetNames, 'name']), { models: [] })
  if (Object.keys(limits).length === 0) return transaction.putRecord('tag', name, { ...body, tag_name: name })
  const budget = await putBudget(ports, transaction, known?.id ?? ports.newId(), known, limits)
  return transaction.putRecord('tag', name, { ...body, tag_name: name, budget_id: budget.id })
}

async function tagRows(ports: RecordPorts, tags: readonly StoredRecord[]): Promise<readonly JsonObject[]> {
  const spentOf = await spentBy(
    ports,
    'tag',
    tags.map((record) => record.id),
  )
  const budgets = await budgetsOf(ports.store, tags)
  return tags.map((record) => {
    const budget = budgets.get(textOf(record.body.budget_id) ?? '')
    return {
      ...emptyTag,
      ...omit(record.body, ['tag_name']),
      name: record.id,
      spend: moneyFields(ports, {}, spentOf(record.id)).spend,
      litellm_budget_table: budget === undefined ? null : budgetRow(budget),
      created_at: isoTime(record.createdAt),
      created_by: record.createdBy,
      updated_at: isoTime(record.updatedAt),
    }
  })
}

function unknown(name: string) {
  return detailed(404, `Tag ${name} not found`)
}
