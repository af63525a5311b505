import { isFlatPrice } from '../core/cost/price-fields.ts'
import { parseRate } from '../core/cost/rate.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Models } from './check-map.ts'
import { shown } from './check-shape.ts'
import { MapRefused } from './refusal.ts'

/** When a map that is well-formed is still not believed. */
export interface Guards {
  /** `MODEL_COST_MAP_MIN_MODEL_COUNT` */
  readonly fewestModels: number
  /** `MODEL_COST_MAP_MAX_SHRINK_RATIO`: at least this part of the models must be left; 0 allows any. */
  readonly smallestRest: number
  /** A price that grows to more than this many times is not believed, nor many that fall so far; 0 allows any. */
  readonly largestFactor: number
}

export const defaultGuards: Guards = { fewestModels: 50, smallestRest: 0.5, largestFactor: 100 }

/** What a new map changes; lists are cut, counts are not. */
export interface MapChange {
  readonly models: number
  readonly added: readonly string[]
  readonly addedCount: number
  readonly removed: readonly string[]
  readonly removedCount: number
  readonly moved: readonly MovedPrice[]
  readonly movedCount: number
}

export interface MovedPrice {
  readonly model: string
  readonly field: string
  /** As written; `null`: there was, or is, none. */
  readonly before: number | string | null
  readonly after: number | string | null
}

const mostListed = 100
/** So many prices may fall far at once: LiteLLM corrects mistakes of its own, and one must not hold up every update. */
const corrections = 5
const correctedPart = 0.01
const unpricedPart = 0.25

/** @throws MapRefused when the map is not believed */
export function compareModels(next: Models, current: Models, guards: Guards): MapChange {
  if (next.size < guards.fewestModels) {
    throw new MapRefused(`it has ${next.size} models, fewer than the ${guards.fewestModels} that a price map must have`)
  }
  if (next.size < current.size * guards.smallestRest) {
    throw new MapRefused(
      `it has shrunk from ${current.size} to ${next.size} models, below ${guards.smallestRest} of what it was`,
    )
  }
  const moved = movedPrices(next, current)
  if (guards.largestFactor > 0) checkMoves(moved, next.size, guards.largestFactor)
  return changeOf(next, current, moved)
}

function movedPrices(next: Models, current: Models): readonly MovedPrice[] {
  const moved: MovedPrice[] = []
  for (const [model, entry] of next) {
    const before = current.get(model)
    if (before !== undefined) addMoved(moved, model, before, entry)
  }
  return moved
}

function addMoved(moved: MovedPrice[], model: string, before: JsonObject, after: JsonObject): void {
  for (const field in before) addIfMoved(moved, model, field, before, after)
  for (const field in after) if (!(field in before)) addIfMoved(moved, model, field, before, after)
}

function addIfMoved(moved: MovedPrice[], model: string, field: string, before: JsonObject, after: JsonObject): void {
  if (before[field] === after[field] || !isFlatPrice(field)) return
  const old = parseRate(before[field])
  const fresh = parseRate(after[field])
  if (old !== fresh) moved.push({ model, field, before: written(before[field]), after: written(after[field]) })
}

function checkMoves(moved: readonly MovedPrice[], models: number, largest: number): void {
  const fallen = new Set<string>()
  const gone = new Set<string>()
  for (const { model, field, before, after } of moved) {
    if (after === null && field === 'input_cost_per_token') gone.add(model)
    // What has no price yet, or none any more, or was free, has not moved by any factor.
    if (before === null || after === null || Number(before) === 0) continue
    const old = Number(before)
    const fresh = Number(after)
    if (fresh > old * largest) {
      throw new MapRefused(
        `${field} of ${shown(model)} would grow from ${old} to ${fresh} dollars, more than ${largest} times`,
      )
    }
    if (fresh * largest < old) fallen.add(model)
  }
  const few = Math.max(corrections, models * correctedPart)
  const [first = ''] = fallen
  if (fallen.size > few) {
    throw new MapRefused(
      `prices of ${fallen.size} models, ${shown(first)} among them, would fall to less than 1/${largest}`,
    )
  }
  if (gone.size > Math.max(corrections, models * unpricedPart)) {
    throw new MapRefused(`${gone.size} of ${models} models would have no price of input any more`)
  }
}

function changeOf(next: Models, current: Models, moved: readonly MovedPrice[]): MapChange {
  const added = [...next.keys()].filter((name) => !current.has(name))
  const removed = [...current.keys()].filter((name) => !next.has(name))
  return {
    models: next.size,
    added: added.slice(0, mostListed),
    addedCount: added.length,
    removed: removed.slice(0, mostListed),
    removedCount: removed.length,
    moved: moved.slice(0, mostListed),
    movedCount: moved.length,
  }
}

function written(value: unknown): number | string | null {
  return typeof value === 'number' || typeof value === 'string' ? value : null
}
