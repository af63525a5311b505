import type { Limits, Member } from '../core/principal.ts'

/** What a user may use as member of a team (contract 3.9). */
export class CompiledMember implements Member {
  readonly teamId: string
  readonly userId: string
  readonly models: readonly string[]
  readonly limits: Limits

  constructor(teamId: string, userId: string, models: readonly string[], limits: Limits) {
    this.teamId = teamId
    this.userId = userId
    this.models = models
    this.limits = limits
    Object.freeze(this)
  }
}
