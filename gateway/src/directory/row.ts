import type { RecordId } from '../core/record.ts'
import { isObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import { sharing } from './sharing.ts'

/** A value of a record that this version cannot read. */
export interface Oddity extends RecordId {
  readonly field: string
  /** `a list of names`, and never the value: it may be anything. */
  readonly expected: string
}

export type ReportOddity = (oddity: Oddity) => void

const noNames: readonly string[] = Object.freeze([])
const noObject: JsonObject = Object.freeze({})

/** Grants nothing (contract 3.5). What cannot be read counts as the strictest it could mean. */
const nothing: readonly string[] = Object.freeze(['no-default-models'])

/**
 * The fields of a record's body, read leniently: a newer replica may have written it, so nothing throws. A field that is absent
 * or null has its default; one that is odd is reported and read as strictly as it could be meant, because a limit that nobody
 * can read must not become none.
 */
export class Row {
  readonly id: string
  readonly body: JsonObject
  readonly #metadata: JsonObject
  readonly #kind: RecordId['kind']
  readonly #report: ReportOddity

  constructor(id: RecordId, body: JsonObject, report: ReportOddity) {
    this.id = id.id
    this.body = body
    this.#kind = id.kind
    this.#report = report
    this.#metadata = this.object('metadata')
  }

  value(field: string): JsonValue | undefined {
    return this.body[field] ?? undefined
  }

  /** A field that LiteLLM keeps in `metadata`; only such: callers write there what they like. */
  inMetadata(field: string): JsonValue | undefined {
    return this.body[field] ?? this.#metadata[field] ?? undefined
  }

  /** '' counts as absent: LiteLLM's clients clear names with it. */
  text(field: string): string | undefined {
    const value = this.value(field)
    if (value === undefined || value === '') return undefined
    if (typeof value === 'string') return value
    if (typeof value === 'number') return String(value)
    this.odd(field, 'a text')
    return undefined
  }

  flag(field: string): boolean {
    const value = this.value(field)
    if (value === undefined || typeof value === 'boolean') return value ?? false
    this.odd(field, 'true or false')
    return true
  }

  /** 0 or more; 0, the strictest, for what is none. */
  amount(field: string, value: JsonValue | undefined = this.value(field)): number | undefined {
    if (value === undefined || value === null) return undefined
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (typeof number === 'number' && number >= 0 && Number.isFinite(number)) return number
    this.odd(field, 'a number, 0 or more')
    return 0
  }

  /** Unix ms; 0, long ago, for what is no time. */
  time(field: string, value: JsonValue | undefined = this.value(field)): number | undefined {
    if (value === undefined || value === null) return undefined
    const ms = typeof value === 'string' ? readTime(value) : typeof value === 'number' ? value : Number.NaN
    if (Number.isFinite(ms)) return ms
    this.odd(field, 'a time')
    return 0
  }

  /** Names of models or routes; an odd list, which must not come to mean all, names none of either. */
  names(field: string, value: JsonValue | undefined = this.value(field)): readonly string[] {
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return noNames
    const names = Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : []
    if (!Array.isArray(value) || names.length < value.length) this.odd(field, 'a list of names')
    return names.length === 0 ? nothing : sharedNames(JSON.stringify(names))
  }

  object(field: string): JsonObject {
    const value = this.body[field]
    if (value === undefined || value === null) return noObject
    if (isObject(value)) return Object.keys(value).length === 0 ? noObject : value
    this.odd(field, 'an object')
    return noObject
  }

  /** Names to names. */
  aliases(field: string, value: JsonValue | undefined = this.value(field)): Readonly<Record<string, string>> {
    if (value === undefined || value === null) return noAliases
    if (!isObject(value)) {
      this.odd(field, 'an object of names')
      return noAliases
    }
    const aliases: Record<string, string> = Object.create(null)
    let count = 0
    for (const [alias, name] of Object.entries(value)) {
      if (typeof name === 'string' && name !== '') {
        aliases[alias] = name
        count += 1
      } else if (name !== null) this.odd(`${field}.${alias}`, 'a name')
    }
    return count === 0 ? noAliases : Object.freeze(aliases)
  }

  odd(field: string, expected: string): void {
    this.#report({ kind: this.#kind, id: this.id, field, expected })
  }
}

const noAliases: Readonly<Record<string, string>> = Object.freeze(Object.create(null))

/** ISO 8601, also as Python and PostgreSQL print it; without a zone it is UTC, as LiteLLM's rows are. */
function readTime(text: string): number {
  const iso = text.trim().replace(' ', 'T')
  return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(iso) || !iso.includes('T') ? iso : `${iso}Z`)
}

const sharedNames = sharing((text): readonly string[] => Object.freeze(JSON.parse(text)))
