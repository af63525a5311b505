import type { CallQuery } from '../../core/ledger/ledger.ts'
import type { SqlRow, SqlSession, SqlValue } from '../sql.ts'
import { callsOf, type HolderKind, hasCallId, holderKinds } from './digest.ts'
import { textFilters } from './select.ts'

/** A block that may have rows that are asked for. */
export interface Candidate {
  readonly id: string
  /** Unix ms; starts of its first and its last call. */
  readonly firstAt: number
  readonly lastAt: number
  /** Of its rows. */
  readonly calls: number
  /** How many of its rows match, where that is known without reading them. */
  readonly matching: number | undefined
}

const firstPage = 16
const longestPage = 256

/** Filters that a block's digest answers. */
const holderFilters = textFilters.flatMap(([filter, cell]) => {
  const kind = holderKinds.find((each) => each === cell)
  return kind === undefined ? [] : [[filter, kind] as const]
})

/** What a block is asked before its rows are read. */
interface Questions {
  readonly holders: readonly (readonly [HolderKind, string])[]
  readonly callId: string | undefined
  /** Whether nothing else is asked, so that a block's count is the answer. */
  readonly complete: boolean
}

function questionsIn(query: CallQuery): Questions {
  const holders = holderFilters.flatMap(([filter, kind]) => {
    const name = query[filter]
    return name === undefined || name === '' ? [] : [[kind, name] as const]
  })
  const { from, to, callId, limit, offset, sort, ascending, ...others } = query
  const asked = Object.values(others).filter((value) => value !== undefined).length
  return { holders, callId, complete: callId === undefined && holders.length === asked && holders.length <= 1 }
}

/**
 * Blocks that may have rows of the query, the newest first, in ascending order the oldest first; page by page, because the first rows are
 * often all that is wanted.
 */
export async function* candidates(session: SqlSession, query: CallQuery): AsyncIterable<Candidate> {
  const questions = questionsIn(query)
  const oldest = query.ascending === true
  const bound = oldest ? 'first_at' : 'last_at'
  const from = Math.max(query.from ?? Number.MIN_SAFE_INTEGER, query.after?.startedAt ?? Number.MIN_SAFE_INTEGER)
  const to = query.to ?? Number.MAX_SAFE_INTEGER
  const columns = ['id', 'first_at', 'last_at', 'calls']
  if (questions.holders.length > 0) columns.push('holders')
  if (questions.callId !== undefined) columns.push('call_ids')
  const text = `SELECT ${columns.join(', ')} FROM midflight_ledger_block
    WHERE last_at >= $1 AND first_at < $2 AND (${bound}, id) ${oldest ? '>' : '<'} ($3, $4)
    ORDER BY ${bound} ${oldest ? 'ASC' : 'DESC'}, id ${oldest ? 'ASC' : 'DESC'} LIMIT $5`
  let last: readonly SqlValue[] = [oldest ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER, '']
  for (let size = firstPage; ; size = Math.min(size * 4, longestPage)) {
    const rows = await session.query(text, [from, to, ...last, size], 'large')
    for (const row of rows) yield candidateOf(row, questions, from, to)
    const end = rows.at(-1)
    if (end === undefined || rows.length < size) return
    last = [Number(end[bound]), String(end.id)]
  }
}

function candidateOf(row: SqlRow, questions: Questions, from: number, to: number): Candidate {
  const [firstAt, lastAt, calls] = [Number(row.first_at), Number(row.last_at), Number(row.calls)]
  const block = { id: String(row.id), firstAt, lastAt, calls }
  const { holders, callId, complete } = questions
  if (callId !== undefined && row.call_ids instanceof Uint8Array && !hasCallId(row.call_ids, callId)) {
    return { ...block, matching: 0 }
  }
  let matching = calls
  for (const [kind, name] of holders) {
    if (row.holders instanceof Uint8Array) matching = Math.min(matching, callsOf(row.holders, kind, name))
  }
  const whole = complete && firstAt >= from && lastAt < to
  return { ...block, matching: whole || matching === 0 ? matching : undefined }
}
