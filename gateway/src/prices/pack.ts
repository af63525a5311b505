import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import type { PriceData } from '../core/cost/price-book.ts'
import type { PriceRule } from '../core/cost/price-rules.ts'
import { type Models, readKept, readMap, rulesMember } from './check-map.ts'
import { compareModels, type Guards, type MapChange } from './compare.ts'

/** What is asked of the thread; no `current` bytes: there is nothing to compare with. */
export interface PackTask {
  readonly bytes: Uint8Array
  /** Of a map that is new: what it is compared with and how far it is believed. Absent: it was accepted before. */
  readonly review?: { readonly current: Uint8Array; readonly guards: Guards }
}

/** A map, ready to be counted with and told of. */
export interface Packed {
  readonly data: PriceData
  /** `undefined` for a map that was accepted before. */
  readonly change: MapChange | undefined
  /** The id that Git gives the bytes as they came (contract 1.2). */
  readonly sourceRevision: string
}

/** @throws MapRefused */
export function pack({ bytes, review }: PackTask): Packed {
  const { models, rules } = readMap(bytes)
  const change = review === undefined ? undefined : compareModels(models, readKept(review.current), review.guards)
  return { data: dataOf(models, rules), change, sourceRevision: gitBlobId(bytes) }
}

/** The map in its normal form; the same models in the same order are the same bytes, so the same hash. */
export function dataOf(models: Models, rules: readonly PriceRule[] = []): PriceData {
  const names: string[] = []
  const spans = new Uint32Array(models.size * 2)
  const providers = new Words(models.size)
  const modes = new Words(models.size)
  /** Key and entry by turns. */
  const texts: string[] = []
  let separator = '{'
  for (const [name, entry] of models) {
    const index = names.push(name) - 1
    texts.push(`${separator}${JSON.stringify(name)}:`, JSON.stringify(entry))
    providers.add(index, entry.litellm_provider)
    modes.add(index, entry.mode)
    separator = ',\n'
  }
  if (rules.length > 0) {
    const written = rules.map(({ name, pattern, fields }) => ({ name, pattern, model_info: fields }))
    texts.push(`${separator}${JSON.stringify(rulesMember)}:`, JSON.stringify({ rules: written }))
  }
  texts.push(models.size === 0 && rules.length === 0 ? '{}' : '}')
  const bytes = new Uint8Array(texts.reduce((length, text) => length + Buffer.byteLength(text), 0))
  const target = Buffer.from(bytes.buffer)
  let at = 0
  for (const [index, text] of texts.entries()) {
    at += target.write(text, at)
    // An entry's span begins where its key ends.
    if (index < models.size * 2) spans[index] = at
  }
  return {
    hash: hash('sha256', bytes, 'hex'),
    bytes,
    names,
    spans,
    providers: providers.words,
    providerOf: providers.wordOf,
    modes: modes.words,
    modeOf: modes.wordOf,
    ...(rules.length === 0 ? {} : { rules }),
  }
}

/** A column of few words: each once, and for each entry which. */
class Words {
  readonly words: string[] = []
  readonly wordOf: Uint16Array<ArrayBuffer>
  readonly #places = new Map<string, number>()

  constructor(entries: number) {
    this.wordOf = new Uint16Array(entries)
  }

  add(entry: number, value: unknown): void {
    const word = typeof value === 'string' ? value : ''
    let place = this.#places.get(word)
    // More than a column can number are no words any more.
    if (place === undefined && this.words.length > 0xffff) place = 0
    if (place === undefined) {
      place = this.words.push(word) - 1
      this.#places.set(word, place)
    }
    this.wordOf[entry] = place
  }
}

function gitBlobId(bytes: Uint8Array): string {
  return hash('sha1', Buffer.concat([Buffer.from(`blob ${bytes.length}\0`), bytes]), 'hex')
}
