import type { Cell } from '../../core/ledger/tally.ts'
import { fingerprint } from '../../lib/fingerprint.ts'

/** Whose calls a block has. What is not here is found by reading the rows. */
export const holderKinds = ['key', 'user', 'team', 'organization', 'endUser', 'modelGroup', 'providerModel'] as const

export type HolderKind = (typeof holderKinds)[number]

const number = 4
const pair = 2 * number

/**
 * How many calls of a block each holder has: fingerprints in ascending order, each with its count, as 32-bit little-endian numbers. Two
 * holders may share a fingerprint, once in millions of blocks; then a count is too high, and rows are read that do not match.
 */
export function holdersOf(cells: Iterable<Cell>): Uint8Array {
  const counts = new Map<number, number>()
  for (const cell of cells) {
    for (const kind of holderKinds) {
      const name = cell[kind]
      if (name === '') continue
      const found = markOf(kind, name)
      counts.set(found, (counts.get(found) ?? 0) + cell.calls)
    }
  }
  return pairsOf(counts)
}

/** As if one block had all that these have. */
export function mergedHolders(digests: readonly Uint8Array[]): Uint8Array {
  const counts = new Map<number, number>()
  for (const digest of digests) {
    const view = viewOf(digest)
    for (let at = 0; at < digest.length; at += pair) {
      const found = view.getUint32(at, true)
      counts.set(found, (counts.get(found) ?? 0) + view.getUint32(at + number, true))
    }
  }
  return pairsOf(counts)
}

export function callsOf(digest: Uint8Array, kind: HolderKind, name: string): number {
  const view = viewOf(digest)
  const at = placeIn(view, digest.length / pair, pair, markOf(kind, name))
  return at === undefined ? 0 : view.getUint32(at + number, true)
}

/** @param callIds fingerprints in any order */
export function callIdsOf(callIds: readonly number[]): Uint8Array {
  return numbersOf(Uint32Array.from(callIds).sort())
}

export function mergedCallIds(digests: readonly Uint8Array[]): Uint8Array {
  const all = digests.flatMap((digest) => {
    const view = viewOf(digest)
    return Array.from({ length: digest.length / number }, (_, index) => view.getUint32(index * number, true))
  })
  return callIdsOf(all)
}

export function hasCallId(digest: Uint8Array, callId: string): boolean {
  return placeIn(viewOf(digest), digest.length / number, number, fingerprint(callId)) !== undefined
}

function markOf(kind: HolderKind, name: string): number {
  return fingerprint(`${kind} ${name}`)
}

function pairsOf(counts: ReadonlyMap<number, number>): Uint8Array {
  const sorted = Uint32Array.from(counts.keys()).sort()
  const numbers = new Uint32Array(sorted.length * 2)
  for (const [index, found] of sorted.entries()) {
    numbers[2 * index] = found
    numbers[2 * index + 1] = counts.get(found) ?? 0
  }
  return numbersOf(numbers)
}

function numbersOf(numbers: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(numbers.length * number)
  const view = viewOf(bytes)
  for (let index = 0; index < numbers.length; index += 1) view.setUint32(index * number, numbers[index] ?? 0, true)
  return bytes
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** @returns where the entry begins that has this number first; entries are in its order */
function placeIn(view: DataView, entries: number, size: number, wanted: number): number | undefined {
  let low = 0
  let high = entries
  while (low < high) {
    const middle = (low + high) >>> 1
    if (view.getUint32(middle * size, true) < wanted) low = middle + 1
    else high = middle
  }
  return low < entries && view.getUint32(low * size, true) === wanted ? low * size : undefined
}
