import type { Limits } from '../core/principal.ts'
import { isObject, type JsonObject, parseJsonObject } from '../lib/json.ts'
import type { Row } from './row.ts'
import { sharing } from './sharing.ts'

/** Fields that every compiled record has under another name. */
const compiledFields: ReadonlySet<string> = new Set([
  'blocked',
  'models',
  'budget_id',
  'max_budget',
  'soft_budget',
  'budget_duration',
  'budget_reset_at',
  'rpm_limit',
  'tpm_limit',
  'max_parallel_requests',
  'model_max_budget',
  'model_rpm_limit',
  'model_tpm_limit',
])

/**
 * A compiled record. Of a hundred thousand keys in memory few are ever asked for the rest of their body, so it is kept as text,
 * which takes a fifth of the room.
 */
export class CompiledSubject {
  readonly id: string
  readonly alias: string
  readonly blocked: boolean
  readonly models: readonly string[]
  readonly limits: Limits
  readonly #rest: string

  /** @param ownFields what else the kind compiles */
  constructor(row: Row, aliasField: string, ownFields: ReadonlySet<string>, limits: Limits) {
    this.id = row.id
    this.alias = row.text(aliasField) ?? ''
    this.blocked = row.flag('blocked')
    this.models = row.names('models')
    this.limits = limits
    const isCompiled = (name: string): boolean => name === aliasField || compiledFields.has(name) || ownFields.has(name)
    this.#rest = sharedText(JSON.stringify(restOf(row.body, isCompiled)))
  }

  /** Read anew each time. */
  get rest(): JsonObject {
    return parseJsonObject(this.#rest) ?? {}
  }

  get metadata(): JsonObject {
    const { metadata } = this.rest
    return isObject(metadata) ? metadata : {}
  }
}

/** Rows show all of LiteLLM's columns; most of them are empty, and empty is what an absent one means. */
function restOf(body: JsonObject, isCompiled: (name: string) => boolean): JsonObject {
  return Object.fromEntries(
    Object.entries(body).filter(([name, value]) => {
      if (value === null || value === undefined || isCompiled(name)) return false
      return typeof value !== 'object' || Object.keys(value).length > 0
    }),
  )
}

const sharedText = sharing((text: string) => text)
