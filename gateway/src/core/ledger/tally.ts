import { fingerprint } from '../../lib/fingerprint.ts'
import { dayNumber } from '../../lib/utc-day.ts'
import { SpendSums } from '../spend-sums.ts'
import { type LedgerRow, storable, storableTags } from './row.ts'
import type { SettledCall } from './settled-call.ts'

/** What calls of one day, one caller and one model came to. */
export interface Cell {
  /** `dayNumber` of the start. */
  readonly day: number
  readonly key: string
  readonly user: string
  readonly team: string
  readonly organization: string
  readonly endUser: string
  readonly modelGroup: string
  readonly provider: string
  readonly providerModel: string
  /** Each once. */
  readonly tags: readonly string[]
  calls: number
  failed: number
  inputTokens: number
  outputTokens: number
  cachedTokens: number
  cacheWriteTokens: number
  /** Billionths of a dollar. */
  cost: number
  /** Calls whose cost is unknown, and which `cost` leaves out. */
  uncosted: number
}

/**
 * What the rows of a block add up to. It is kept while they are written, so that nobody has to read them again; of a file that a killed
 * process left behind it is made from its lines, by the same function.
 */
export class Tally {
  calls = 0
  /** Unix ms; starts of the first and the last call by time. Meaningless without calls. */
  firstAt = Number.POSITIVE_INFINITY
  lastAt = Number.NEGATIVE_INFINITY
  /** `fingerprint` of each call's `callId` and `answerId`. */
  readonly callIds: number[] = []
  readonly spends = new SpendSums()
  readonly #cells = new Map<string, Cell>()
  #last: Cell | undefined

  get cells(): Iterable<Cell> {
    return this.#cells.values()
  }

  add({ call, charges }: LedgerRow): void {
    this.calls += 1
    if (call.startedAt < this.firstAt) this.firstAt = call.startedAt
    if (call.startedAt > this.lastAt) this.lastAt = call.startedAt
    this.callIds.push(fingerprint(call.callId))
    if (call.answerId !== '') this.callIds.push(fingerprint(call.answerId))
    const cell = this.#cellOf(call)
    const { usage, cost } = call
    cell.calls += 1
    if (call.status >= 400) cell.failed += 1
    if (usage !== undefined) {
      cell.inputTokens += counted(usage.inputTokens)
      cell.outputTokens += counted(usage.outputTokens)
      cell.cachedTokens += counted(usage.cachedInputTokens)
      cell.cacheWriteTokens += counted(usage.cacheWriteTokens)
    }
    if (cost === undefined) {
      cell.uncosted += 1
      return
    }
    cell.cost += cost
    this.spends.addCall(charges, cost, call.endedAt)
  }

  #cellOf(call: SettledCall): Cell {
    const day = dayNumber(call.startedAt)
    // Neighbours are often alike, and to compare them costs less than to join and hash their names.
    if (this.#last !== undefined && isOf(this.#last, day, call)) return this.#last
    const { key, user, team, organization, endUser } = call.holders
    const { modelGroup, provider, providerModel, tags } = call
    // Two callers' texts with U+0000 in them must not be joined to the same name.
    const tagged = tags.length === 0 ? '' : storableTags(tags).join('\0')
    const name = `${day}\0${key}\0${user}\0${team}\0${organization}\0${storable(endUser)}\0${modelGroup}\0${provider}\0${storable(providerModel)}\0${tagged}`
    let cell = this.#cells.get(name)
    if (cell === undefined) {
      cell = emptyCell(day, call)
      this.#cells.set(name, cell)
    }
    this.#last = cell
    return cell
  }
}

/** A provider may tell half a token, or 10³⁰⁰: a sum that a store cannot add would hold up all that follows. */
const mostTokens = 1e12

function counted(tokens: number | undefined): number {
  return tokens !== undefined && tokens > 0 ? Math.min(Math.trunc(tokens), mostTokens) : 0
}

function isOf(cell: Cell, day: number, { holders, modelGroup, provider, providerModel, tags }: SettledCall): boolean {
  return (
    cell.day === day &&
    cell.key === holders.key &&
    cell.user === holders.user &&
    cell.team === holders.team &&
    cell.organization === holders.organization &&
    cell.endUser === holders.endUser &&
    cell.modelGroup === modelGroup &&
    cell.provider === provider &&
    cell.providerModel === providerModel &&
    cell.tags.length === 0 &&
    tags.length === 0
  )
}

function emptyCell(day: number, { holders, modelGroup, provider, providerModel, tags }: SettledCall): Cell {
  const { key, user, team, organization, endUser } = holders
  return {
    day,
    ...{ key, user, team, organization, endUser: storable(endUser) },
    ...{ modelGroup, provider, providerModel: storable(providerModel) },
    tags: tags.length === 0 ? tags : [...new Set(storableTags(tags))],
    calls: 0,
    failed: 0,
    inputTokens: 0,
    outputTokens: 0,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    cost: 0,
    uncosted: 0,
  }
}
