import type { Limits, Tag } from '../core/principal.ts'

/** A tag of requests that somebody gave limits (`/tag/new`). */
export class CompiledTag implements Tag {
  readonly id: string
  readonly limits: Limits

  constructor(id: string, limits: Limits) {
    this.id = id
    this.limits = limits
    Object.freeze(this)
  }
}
