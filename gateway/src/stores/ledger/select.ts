import type { CallQuery } from '../../core/ledger/ledger.ts'
import { type CellName, type Cells, cellsIn, placeOf } from '../../core/ledger/row.ts'

/** Rows of a ledger that a query asks for: which, and in what order. Used on both sides of `select-thread.ts`. */

/** A row that matches, with what it is sorted by. */
export interface Found {
  readonly line: string
  readonly sortedBy: string | number
  readonly id: string
}

const start = placeOf('startedAt')
const id = placeOf('id')
/** By either a call may be asked for. */
const ids = [placeOf('callId'), placeOf('answerId')]

const texts = {
  key: 'key',
  user: 'user',
  team: 'team',
  organization: 'organization',
  endUser: 'endUser',
  keyAlias: 'keyAlias',
  error: 'errorCode',
  model: 'providerModel',
  modelGroup: 'modelGroup',
  deployment: 'deployment',
} as const satisfies { readonly [Name in keyof CallQuery]?: CellName }

/** Filters by an equal text, with the cell that has it. */
// The keys of `texts` are what it says they are.
export const textFilters = Object.entries(texts) as readonly [keyof typeof texts, CellName][]

/** Whether a row is asked for. */
function matcher(query: CallQuery): (cells: Cells) => boolean {
  const wanted = textFilters.flatMap(([filter, cell]) => {
    const text = query[filter]
    return text === undefined ? [] : [[placeOf(cell), text] as const]
  })
  const { from, to, callId, status, failed, minCost, maxCost, after } = query
  return (cells) => {
    const at = numberIn(cells, start)
    if ((from !== undefined && at < from) || (to !== undefined && at >= to)) return false
    if (after !== undefined && (at < after.startedAt || (at === after.startedAt && textIn(cells, id) <= after.id))) {
      return false
    }
    if (callId !== undefined && !ids.some((place) => textIn(cells, place) === callId)) return false
    for (const [place, text] of wanted) if (textIn(cells, place) !== text) return false
    const answered = numberIn(cells, placeOf('status'))
    if (status !== undefined && answered !== status) return false
    if (failed !== undefined && answered >= 400 !== failed) return false
    if (minCost === undefined && maxCost === undefined) return true
    const cost = cells[placeOf('cost')]
    return typeof cost === 'number' && cost >= (minCost ?? cost) && cost <= (maxCost ?? cost)
  }
}

const sortings: Readonly<Record<NonNullable<CallQuery['sort']>, (cells: Cells) => string | number>> = {
  started_at: (cells) => numberIn(cells, start),
  ended_at: (cells) => numberIn(cells, placeOf('endedAt')),
  model: (cells) => textIn(cells, placeOf('providerModel')),
  cost: (cells) => numberIn(cells, placeOf('cost')),
  tokens: (cells) => numberIn(cells, placeOf('inputTokens')) + numberIn(cells, placeOf('outputTokens')),
  duration: (cells) => numberIn(cells, placeOf('endedAt')) - numberIn(cells, start),
}

function numberIn(cells: Cells, place: number): number {
  const value = cells[place]
  return typeof value === 'number' ? value : 0
}

function textIn(cells: Cells, place: number): string {
  const value = cells[place]
  return typeof value === 'string' ? value : ''
}

/** The best rows of many, in order. */
export class Best {
  readonly #most: number
  readonly #sign: number
  #rows: Found[] = []
  /** So many of them, from the first, are in order. */
  #sorted = 0

  /** @param most so many are kept */
  constructor({ ascending }: Pick<CallQuery, 'ascending'>, most: number) {
    this.#most = most
    this.#sign = ascending === true ? 1 : -1
  }

  add(row: Found): void {
    if (this.#most === 0) return
    this.#rows.push(row)
    // Seldom, so that most rows are only pushed.
    if (this.#rows.length >= 2 * this.#most + 64) this.#sort()
  }

  /** Best first. */
  get rows(): readonly Found[] {
    this.#sort()
    return this.#rows
  }

  /** Whether rows that are sorted by this value, or a worse one, are of no use. */
  beats(value: number): boolean {
    const { rows } = this
    const last = rows.at(-1)
    if (this.#most === 0) return true
    if (last === undefined || rows.length < this.#most) return false
    return this.#sign * (Number(last.sortedBy) - value) < 0
  }

  #sort(): void {
    // It is asked for with each block, and most blocks add nothing.
    if (this.#sorted === this.#rows.length) return
    this.#rows.sort((one, other) => this.#sign * (compare(one.sortedBy, other.sortedBy) || compare(one.id, other.id)))
    if (this.#rows.length > this.#most) this.#rows.length = this.#most
    this.#sorted = this.#rows.length
  }
}

function compare(one: string | number, other: string | number): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

/** Reads the rows of blocks that a query asks for. */
export class Selection {
  readonly best: Best
  /** Rows that matched. */
  matched = 0
  readonly #matches: (cells: Cells) => boolean
  readonly #sortedBy: (cells: Cells) => string | number
  /** What stands in every line that matches; a line without it need not be read. */
  readonly #needle: string | undefined

  constructor(query: CallQuery, most: number) {
    this.best = new Best(query, most)
    this.#matches = matcher(query)
    this.#sortedBy = sortings[query.sort ?? 'started_at']
    const needles = [query.callId ?? '', ...textFilters.map(([filter]) => query[filter] ?? '')].filter(
      (text) => text !== '',
    )
    // The longest is the rarest, as a rule.
    const [longest] = needles.sort((one, other) => other.length - one.length)
    this.#needle = longest === undefined ? undefined : JSON.stringify(longest)
  }

  /** @param lines of a block */
  read(lines: string): void {
    for (let from = 0; from < lines.length; ) {
      const at = this.#needle === undefined ? from : lines.indexOf(this.#needle, from)
      if (at === -1) return
      const begin = lines.lastIndexOf('\n', at) + 1
      const end = lines.indexOf('\n', at)
      // Every line has its end; looking for more behind one without would begin at the first again.
      if (end === -1) return
      this.#take(lines.slice(begin, end))
      from = end + 1
    }
  }

  #take(line: string): void {
    const cells = cellsIn(line)
    if (cells === undefined || !this.#matches(cells)) return
    this.matched += 1
    this.best.add({ line, sortedBy: this.#sortedBy(cells), id: textIn(cells, id) })
  }
}
