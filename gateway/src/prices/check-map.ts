import { looksLikePrice } from '../core/cost/price-fields.ts'
import { isUsable, type PriceRule } from '../core/cost/price-rules.ts'
import { parseRate } from '../core/cost/rate.ts'
import { isObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import { checkShape, shown } from './check-shape.ts'
import { MapRefused } from './refusal.ts'

/** What a map says of models, by name, aliases expanded. */
export type Models = ReadonlyMap<string, JsonObject>

/** A token never cost a dollar; LiteLLM's dearest, a mistake of its own, is 0.54. Anything else never cost a thousand. */
const dearest = { token: 1, other: 1_000 }

const longestName = 512
/** Members that describe the map and are no model. */
const meta: ReadonlySet<string> = new Set(['sample_spec', 'fallback_generalizations', 'last_updated'])
const metaLike = /^[_$]|(?:^|_)(?:updated|version|generated|schema)(?:_|$)/

/**
 * Reads a price map in LiteLLM's format (contract 1.6) and checks every value that something is counted with.
 * @throws MapRefused naming the first thing that is wrong; a map is taken whole or not at all
 */
export function readMap(bytes: Uint8Array): { readonly models: Models; readonly rules: readonly PriceRule[] } {
  const document = parse(bytes)
  const models = new Map<string, JsonObject>()
  for (const [name, value] of Object.entries(document)) {
    if (meta.has(name)) continue
    if (!isObject(value)) {
      if (metaLike.test(name) && !Array.isArray(value)) continue
      throw new MapRefused(`the entry ${shown(name)} is ${described(value)}, not an object`)
    }
    checkName(name)
    checkEntry(name, value)
    models.set(name, value)
  }
  expandAliases(models)
  return { models, rules: rulesOf(document[rulesMember]) }
}

/** The member of a map that holds rules for models without an entry. */
export const rulesMember = 'fallback_generalizations'

/** The rules that prices are counted with. What is no rule, or cannot be run safely, is left out: unknown stays unknown. */
function rulesOf(value: JsonValue | undefined): readonly PriceRule[] {
  const declared = isObject(value) && Array.isArray(value.rules) ? (value.rules as readonly JsonValue[]) : []
  return declared.slice(0, mostRules).flatMap((rule): readonly PriceRule[] => {
    if (!isObject(rule) || typeof rule.pattern !== 'string' || !isObject(rule.model_info)) return []
    const name = typeof rule.name === 'string' ? rule.name : rule.pattern
    const found = { name, pattern: rule.pattern, fields: rule.model_info }
    if (!isUsable(found)) return []
    checkName(name)
    checkEntry(name, rule.model_info)
    return [found]
  })
}

const mostRules = 100

/** A map in its normal form, which was checked when it was made. */
export function readKept(bytes: Uint8Array): Models {
  if (bytes.length === 0) return new Map()
  // Written by `dataOf`: an object of objects.
  const models = new Map(Object.entries(JSON.parse(new TextDecoder().decode(bytes)) as Record<string, JsonObject>))
  models.delete(rulesMember)
  return models
}

function parse(bytes: Uint8Array): JsonObject {
  if (bytes.length === 0) throw new MapRefused('it is empty')
  const text = decode(bytes)
  const start = text.trimStart()
  if (start === '') throw new MapRefused('it is empty')
  if (start.startsWith('<')) throw new MapRefused('it is not JSON but looks like a web page')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new MapRefused(`it is not JSON: ${positionOf(error, text)}`)
  }
  if (!isObject(value)) throw new MapRefused(`it is ${described(value)}, not an object of models`)
  checkShape(bytes, text, value)
  return value
}

function decode(bytes: Uint8Array): string {
  try {
    // A byte order mark is what some editors write; the decoder takes it away.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new MapRefused('it is not UTF-8')
  }
}

/** Where the parser stopped, without quoting the text: it may be anything. */
function positionOf(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : ''
  const position = /position (\d+)/.exec(message)?.[1]
  if (position !== undefined && Number(position) < text.length) return `unexpected text at character ${position}`
  return `it ends in the middle, after ${text.length} characters`
}

function checkName(name: string): void {
  if (name.trim() === '' || name.length > longestName || /\p{Cc}/u.test(name)) {
    throw new MapRefused(`the name ${shown(name)} is empty, too long or holds control characters`)
  }
}

type FieldKind = 'price' | 'text' | 'count' | 'other'

/** A map has a hundred field names and a hundred thousand fields. */
const fieldKinds = new Map<string, FieldKind>()
const rememberedFields = 2_000

function kindOf(field: string): FieldKind {
  const known = fieldKinds.get(field)
  if (known !== undefined) return known
  let kind: FieldKind = 'other'
  if (looksLikePrice(field) || field === 'tiered_pricing' || field === 'off_peak_pricing') kind = 'price'
  else if (field === 'litellm_provider' || field === 'mode') kind = 'text'
  else if (/^max_(?:input_|output_)?tokens$/.test(field)) kind = 'count'
  if (fieldKinds.size < rememberedFields) fieldKinds.set(field, kind)
  return kind
}

function checkEntry(name: string, entry: JsonObject): void {
  for (const field in entry) {
    const value = entry[field]
    if (value === null || value === undefined) continue
    const kind = kindOf(field)
    if (kind === 'price') checkPrice(name, field, value)
    else if (kind === 'text' && typeof value !== 'string') throw wrongType(name, field, value, 'a text')
    else if (kind === 'count' && !isCount(value)) throw wrongType(name, field, value, 'a number of tokens')
  }
}

/** A price, or what is made of prices: objects by size, lists of tiers. */
function checkPrice(name: string, field: string, value: JsonValue): void {
  if (isObject(value)) {
    for (const [part, inner] of Object.entries(value)) {
      if (inner === null || inner === undefined || part === 'range') continue
      if (isObject(inner) || Array.isArray(inner) || looksLikePrice(part) || typeof inner === 'number') {
        checkPrice(name, `${field}.${part}`, inner)
      }
    }
    return
  }
  if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly JsonValue[]).entries()) checkPrice(name, `${field}[${index}]`, item)
    return
  }
  if (typeof value !== 'number' && typeof value !== 'string') throw wrongType(name, field, value, 'a price')
  const number = typeof value === 'number' ? value : Number(value)
  // Nearly all are; what a number must be beyond that is said below.
  if (number >= 0 && number <= dearest.token && typeof value === 'number') return
  if (number < 0) throw new MapRefused(`${field} of ${shown(name)} is negative`)
  if (number > (isPerToken(field) ? dearest.token : dearest.other)) {
    throw new MapRefused(`${field} of ${shown(name)} is absurd: ${number} dollars`)
  }
  if (parseRate(value) === undefined) throw wrongType(name, field, value, 'a price')
}

function isPerToken(field: string): boolean {
  return /token/.test(field) && !/1k_tokens/.test(field)
}

function isCount(value: JsonValue): boolean {
  // Numbers as text are what LiteLLM's own map had for a while.
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN
  return number >= 0 && Number.isFinite(number)
}

function wrongType(name: string, field: string, value: JsonValue, expected: string): MapRefused {
  return new MapRefused(`${field} of ${shown(name)} is ${described(value)}, not ${expected}`)
}

function described(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  switch (typeof value) {
    case 'string':
      return `the text ${shown(value)}`
    case 'number':
      return `the number ${value}`
    case 'boolean':
      return 'true or false'
    default:
      return 'an object'
  }
}

/** `aliases: [..]` names the same entry once more; a name that has an entry keeps it (contract 1.4). */
function expandAliases(models: Map<string, JsonObject>): void {
  for (const [name, declared] of [...models]) {
    if (declared.aliases === undefined || declared.aliases === null) continue
    const { aliases, ...entry } = declared
    if (!Array.isArray(aliases)) throw new MapRefused(`aliases of ${shown(name)} is no list of names`)
    models.set(name, entry)
    for (const alias of aliases as readonly JsonValue[]) {
      if (typeof alias !== 'string') throw new MapRefused(`aliases of ${shown(name)} is no list of names`)
      checkName(alias)
      if (!models.has(alias)) models.set(alias, entry)
    }
  }
}
