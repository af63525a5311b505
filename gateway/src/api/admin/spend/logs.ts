import { z } from 'zod'
import { GatewayError } from '../../../core/errors.ts'
import type { CallQuery, Ledger } from '../../../core/ledger/ledger.ts'
import type { SettledCall } from '../../../core/ledger/settled-call.ts'
import { usdToNano } from '../../../core/money.ts'
import { dayMs } from '../../../lib/utc-day.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { tokenOfEither } from '../keys/token.ts'
import { page, pageSize, queryFlag } from '../wire-fields.ts'
import { daysOf, momentOf } from './days.ts'
import { callToCsv, callToWire, csvHead } from './row.ts'
import { summaryByDay } from './summary.ts'
import { narrowed, spendReaders } from './visible.ts'

/** LiteLLM answers all rows at once; more than this have to be paged (`/spend/logs/v2`). */
const mostUnpaged = 10_000
/** A page reads and keeps all rows before it: a process that was asked for row 10,000,000 would run out of memory. */
const deepestRow = 50_000
/** Rows of one export; the rest is fetched with a later `start_date`. */
const mostExported = 200_000
const exportStep = 2_000

const filters = {
  api_key: z.string().optional(),
  user_id: z.string().optional(),
  team_id: z.string().optional(),
  organization_id: z.string().optional(),
  end_user: z.string().optional(),
  key_alias: z.string().optional(),
  /** An HTTP status, or one of our codes. */
  error_code: z.string().optional(),
  request_id: z.string().optional(),
  model: z.string().optional(),
  model_group: z.string().optional(),
  model_id: z.string().optional(),
  start_date: z.string().optional(),
  end_date: z.string().optional(),
  status_filter: z.enum(['success', 'failure']).optional(),
  min_spend: z.coerce.number().optional(),
  max_spend: z.coerce.number().optional(),
}

const sorts = {
  startTime: 'started_at',
  endTime: 'ended_at',
  model: 'model',
  spend: 'cost',
  total_tokens: 'tokens',
  request_duration_ms: 'duration',
} as const

// Its keys are the names.
const sortNames = Object.keys(sorts) as (keyof typeof sorts)[]

/** Rows of the ledger, newest first. */
export function logRoutes(ledger: Ledger): readonly DeclaredRoute[] {
  const filterSchema = z.object(filters)
  const queryOf = (asked: z.output<typeof filterSchema>): Omit<CallQuery, 'limit'> =>
    Object.fromEntries(
      Object.entries({
        from: asked.start_date === undefined ? undefined : momentOf(asked.start_date, 'start_date', 0),
        to: asked.end_date === undefined ? undefined : momentOf(asked.end_date, 'end_date', dayMs),
        callId: asked.request_id,
        key: asked.api_key === undefined ? undefined : tokenOfEither(asked.api_key),
        user: asked.user_id,
        team: asked.team_id,
        organization: asked.organization_id,
        endUser: asked.end_user,
        keyAlias: asked.key_alias,
        ...(/^\d{3}$/.test(asked.error_code ?? '')
          ? { status: Number(asked.error_code) }
          : { error: asked.error_code }),
        model: asked.model,
        modelGroup: asked.model_group,
        deployment: asked.model_id,
        failed: asked.status_filter === undefined ? undefined : asked.status_filter === 'failure',
        minCost: asked.min_spend === undefined ? undefined : usdToNano(asked.min_spend),
        maxCost: asked.max_spend === undefined ? undefined : usdToNano(asked.max_spend),
      }).filter(([, value]) => value !== undefined),
    )

  const paged = (path: string): DeclaredRoute =>
    adminRoute({
      method: 'GET',
      path,
      summary: 'Rows of the ledger, a page at a time.',
      tag: 'spend',
      roles: spendReaders,
      query: z.object({
        ...filters,
        page,
        page_size: pageSize(50, 1_000),
        sort_by: z.enum(sortNames).default('startTime'),
        sort_order: z.enum(['asc', 'desc']).default('desc'),
      }),
      async handle({ query, principal }) {
        const offset = (query.page - 1) * query.page_size
        if (offset + query.page_size > deepestRow) {
          throw new GatewayError(
            'bad_request',
            `Pages end at row ${deepestRow}; narrow the dates, or use /spend/logs/export.`,
          )
        }
        const { calls, total } = await ledger.calls(
          narrowed(
            {
              ...queryOf(query),
              sort: sorts[query.sort_by],
              ascending: query.sort_order === 'asc',
              limit: query.page_size,
              offset,
            },
            principal,
          ),
        )
        return {
          body: {
            data: calls.map(callToWire),
            total,
            page: query.page,
            page_size: query.page_size,
            total_pages: Math.ceil(total / query.page_size),
          },
        }
      },
    })

  return [
    adminRoute({
      method: 'GET',
      path: '/spend/logs',
      summary: 'Rows of the ledger; with dates and without `summarize=false`, sums by day.',
      tag: 'spend',
      roles: spendReaders,
      query: z.object({ ...filters, summarize: queryFlag }),
      async handle({ query, principal }) {
        const asked = narrowed({ ...queryOf(query), limit: mostUnpaged }, principal)
        const { start_date: start, end_date: end } = query
        if (query.summarize !== false && start !== undefined && end !== undefined) {
          return { body: await summaryByDay(ledger, asked, daysOf(start, end)) }
        }
        const { calls, total } = await ledger.calls(asked)
        if (total > calls.length) {
          throw new GatewayError(
            'bad_request',
            `More than ${calls.length} rows match; use /spend/logs/v2, which pages, or narrower dates.`,
          )
        }
        return { body: calls.map(callToWire) }
      },
    }),
    paged('/spend/logs/v2'),
    paged('/spend/logs/ui'),
    adminRoute({
      method: 'GET',
      path: '/spend/logs/export',
      summary: 'Rows of the ledger as CSV or JSON lines.',
      tag: 'spend',
      roles: spendReaders,
      query: z.object({ ...filters, format: z.enum(['csv', 'jsonl']).default('csv') }),
      async handle({ query, principal, exchange }): Promise<'sent'> {
        const { format } = query
        const text = format === 'csv' ? callToCsv : (call: SettledCall) => `${JSON.stringify(callToWire(call))}\n`
        const asked = narrowed({ ...queryOf(query), ascending: true, limit: exportStep }, principal)
        // Only the first page may refuse: what follows the head can only break off.
        let { calls } = await ledger.calls(asked)
        const type = format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson'
        exchange.reply.open(200, [
          ...['content-type', type, 'x-litellm-call-id', exchange.id],
          ...['content-disposition', `attachment; filename="spend-logs.${format}"`],
        ])
        if (format === 'csv') exchange.reply.write(csvHead)
        let sent = 0
        while (calls.length > 0 && sent < mostExported) {
          exchange.reply.write(calls.map(text).join(''))
          // A slow reader holds the next page up; all of them at once would not fit into memory.
          await exchange.reply.room()
          sent += calls.length
          const last = calls.at(-1)
          if (last === undefined || calls.length < exportStep) break
          calls = (await ledger.calls({ ...asked, after: { startedAt: last.startedAt, id: last.id } })).calls
        }
        exchange.reply.end()
        return 'sent'
      },
    }),
  ]
}
