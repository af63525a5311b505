import type { Deployment } from '../deployment.ts'
import { Price } from './price.ts'
import { namesFor, providesFor } from './price-names.ts'
import { type PriceRule, PriceRules } from './price-rules.ts'

/** A checked price map in the form in which it crosses threads: one buffer of JSON and where in it each entry is. */
export interface PriceData {
  /** SHA-256 of the map as it was fetched, hex. */
  readonly hash: string
  /** One JSON object: the map with aliases expanded, without its meta keys. */
  readonly bytes: Uint8Array
  /** In the order of the map. */
  readonly names: readonly string[]
  /** For entry i the bytes `spans[2i]` to `spans[2i + 1]`. */
  readonly spans: Uint32Array
  /** `litellm_provider` of entry i is `providers[providerOf[i]]`. */
  readonly providers: readonly string[]
  readonly providerOf: Uint16Array
  /** `mode` of entry i is `modes[modeOf[i]]`; '' where it has none. */
  readonly modes: readonly string[]
  readonly modeOf: Uint16Array
  /** What holds for models that have no entry; absent: nothing. */
  readonly rules?: readonly PriceRule[]
}

const utf8 = new TextDecoder()

/** Modes of models that have a route here; '' of those whose mode nobody wrote down. */
const callable: ReadonlySet<string> = new Set(['', 'chat', 'completion', 'responses', 'embedding'])

/** Asked prices that are remembered; names are the callers' where wildcards serve, so there may be any number. */
const rememberedPrices = 4096

/**
 * The prices that a generation counts with. Entries stay JSON until a call needs one: a map of 3,000 entries takes 1.5 MB,
 * and a new one costs the event loop no more than its names.
 */
export class PriceBook {
  readonly hash: string
  readonly names: readonly string[]
  readonly #data: PriceData
  readonly #rules: PriceRules
  readonly #places = new Map<string, number>()
  /** Names that hold capitals, by their small letters. */
  readonly #folded = new Map<string, number>()
  readonly #prices = new Map<number, Price>()
  readonly #models = new Map<string, readonly string[]>()
  #asked = new WeakMap<Deployment, Map<string, Price | undefined>>()
  #askedCount = 0

  constructor(data: PriceData) {
    this.hash = data.hash
    this.names = data.names
    this.#data = data
    this.#rules = new PriceRules(data.rules ?? [])
    for (const [place, name] of data.names.entries()) {
      this.#places.set(name, place)
      const small = name.toLowerCase()
      if (small !== name && !this.#folded.has(small)) this.#folded.set(small, place)
    }
  }

  get providers(): readonly string[] {
    return this.#data.providers
  }

  get size(): number {
    return this.names.length
  }

  /** The whole map as JSON. */
  get json(): Uint8Array {
    return this.#data.bytes
  }

  /** The entry of that very name, else of that name in other letters. */
  find(name: string): Price | undefined {
    const place = this.#places.get(name) ?? this.#foldedPlace(name)
    return place === undefined ? undefined : this.#priceAt(place)
  }

  providerOf(name: string): string | undefined {
    const place = this.#places.get(name)
    return place === undefined ? undefined : this.#data.providers[this.#data.providerOf[place] ?? 0]
  }

  /** The provider's models that can be chatted with or embed, without the provider's prefix, in the order of the map. */
  modelsOf(provider: string): readonly string[] {
    const known = this.#models.get(provider)
    if (known !== undefined) return known
    const { modeOf, modes, names, providerOf, providers } = this.#data
    const prefix = `${provider}/`
    const found = new Set<string>()
    for (const [place, name] of names.entries()) {
      const owner = providers[providerOf[place] ?? 0] ?? ''
      if (owner === '' || !providesFor(owner, provider) || !callable.has(modes[modeOf[place] ?? 0] ?? '')) continue
      found.add(name.startsWith(prefix) ? name.slice(prefix.length) : name)
    }
    const models = Object.freeze([...found])
    this.#models.set(provider, models)
    return models
  }

  /** The entry for a model of a provider, by every name it may have (contract 1.7). */
  findModel(provider: string, model: string): Price | undefined {
    for (const name of namesFor(provider, model)) {
      const price = this.find(name)
      if (price !== undefined && providesFor(price.provider, provider)) return price
    }
    return undefined
  }

  /**
   * What a call to a deployment costs (contract 1.7): the deployment's own prices, else its base model's, else those of the model
   * that answered, else of the one that was asked for.
   * @param model the upstream name that was sent; of a wildcard deployment it differs from call to call
   * @param answered what the provider called the model
   */
  priceOf(deployment: Deployment, model: string, answered?: string): Price | undefined {
    let known = this.#asked.get(deployment)
    if (known === undefined) {
      known = new Map()
      this.#asked.set(deployment, known)
    }
    const key = answered === undefined || answered === model ? model : `${model}\n${answered}`
    if (known.has(key)) return known.get(key)
    if (this.#askedCount >= rememberedPrices) {
      known = new Map()
      this.#asked = new WeakMap([[deployment, known]])
      this.#askedCount = 0
    }
    const price = this.#choose(deployment, model, answered)
    known.set(key, price)
    this.#askedCount += 1
    return price
  }

  #choose(deployment: Deployment, model: string, answered: string | undefined): Price | undefined {
    const { pricing, provider } = deployment
    const mapped = pricing.baseModel === undefined ? undefined : this.findModel(provider, pricing.baseModel)
    const byName =
      mapped ??
      (answered === undefined ? undefined : this.findModel(provider, answered)) ??
      this.findModel(provider, model) ??
      this.#byRule(provider, model)
    if (pricing.own === undefined) return byName
    return new Price(deployment.id, { ...inherited(pricing.own, byName), ...pricing.own })
  }

  #byRule(provider: string, model: string): Price | undefined {
    const rule = this.#rules.for(model, (owner) => providesFor(owner, provider))
    return rule === undefined ? undefined : new Price(rule.name, rule.fields)
  }

  #foldedPlace(name: string): number | undefined {
    const small = name.toLowerCase()
    return this.#folded.get(small) ?? this.#places.get(small)
  }

  #priceAt(place: number): Price {
    let price = this.#prices.get(place)
    if (price === undefined) {
      const { bytes, names, spans } = this.#data
      const text = utf8.decode(bytes.subarray(spans[place * 2], spans[place * 2 + 1]))
      // The map was checked when it was loaded: every entry is an object.
      price = new Price(names[place] ?? '', JSON.parse(text) as Readonly<Record<string, unknown>>)
      this.#prices.set(place, price)
    }
    return price
  }
}

/** Of a process that has no map yet: everything's price is unknown. */
export const noPrices = new PriceBook({
  hash: '',
  bytes: new Uint8Array(),
  names: [],
  spans: new Uint32Array(),
  providers: [],
  providerOf: new Uint16Array(),
  modes: [],
  modeOf: new Uint16Array(),
})

const cacheFields = ['cache_read_input_token_cost', 'cache_creation_input_token_cost'] as const

/**
 * An operator who writes only what a token costs means the cache to cost what it costs there (contract 1.7); one who writes
 * that input is free, or any price of the cache, means what is written.
 */
function inherited(
  own: Readonly<Record<string, unknown>>,
  price: Price | undefined,
): Readonly<Record<string, unknown>> {
  if (price === undefined) return {}
  // Hours alone say nothing of the other hours.
  if (Object.keys(own).every((name) => name === 'off_peak_pricing')) return price.fields
  if (own.input_cost_per_token === undefined || Number(own.input_cost_per_token) === 0) return {}
  if (Object.keys(own).some((name) => name.startsWith('cache_'))) return {}
  return Object.fromEntries(
    cacheFields.flatMap((name) => (price.fields[name] === undefined ? [] : [[name, price.fields[name]]])),
  )
}
