import type { Limits } from '../core/principal.ts'
import { isObject, type JsonObject, parseJsonObject } from '../lib/json.ts'
import type { Row } from './row.ts'

/**
 * A compiled record. Of a hundred thousand keys in memory few are ever asked for their whole body, so it is kept as text, which
 * takes a fifth of the room.
 */
export class CompiledSubject {
  readonly id: string
  readonly alias: string
  readonly blocked: boolean
  readonly models: readonly string[]
  readonly limits: Limits
  readonly #text: string

  constructor(row: Row, aliasField: string, limits: Limits) {
    this.id = row.id
    this.alias = row.text(aliasField) ?? ''
    this.blocked = row.flag('blocked')
    this.models = row.names('models')
    this.limits = limits
    this.#text = JSON.stringify(said(row.body))
  }

  /** What the body says; fields that are null or empty are left out. Read anew each time. */
  get body(): JsonObject {
    return parseJsonObject(this.#text) ?? {}
  }

  get metadata(): JsonObject {
    const { metadata } = this.body
    return isObject(metadata) ? metadata : {}
  }
}

/** Rows show all of LiteLLM's columns; most of them are empty, and empty is what an absent one means. */
function said(body: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(body).filter(([, value]) => {
      if (value === null || value === undefined) return false
      return typeof value !== 'object' || Object.keys(value).length > 0
    }),
  )
}
