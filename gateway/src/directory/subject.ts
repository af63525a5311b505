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
    this.#text = JSON.stringify(row.body, withoutNull)
  }

  /** The whole body without its nulls; read anew each time. */
  get body(): JsonObject {
    return parseJsonObject(this.#text) ?? {}
  }

  get metadata(): JsonObject {
    const { metadata } = this.body
    return isObject(metadata) ? metadata : {}
  }
}

function withoutNull(_name: string, value: unknown): unknown {
  return value === null ? undefined : value
}
