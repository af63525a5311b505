const halfMs = 600_000
const maxGroups = 10_000

/**
 * What a call of a group is taken to need at least before the first answer of the group was seen, tokens. Nobody knows yet how far
 * the estimates are off, so small limits let calls through one by one until one has ended.
 */
export const unknownTokens = 4_096
/** The least that an answer without `max_tokens` is taken to have: one short answer must not make the next long ones free. */
const leastOutput = 64

/** What a call was taken to use, or did use. Cost in billionths of a dollar. */
export interface Amounts {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cost: number
}

export const noAmounts: Amounts = Object.freeze({ inputTokens: 0, outputTokens: 0, cost: 0 })

/** The highest of late. */
class HighWater {
  #current = 0
  #previous = 0
  #turnedAt: number

  constructor(now: number) {
    this.#turnedAt = now
  }

  of(now: number): number {
    this.#turn(now)
    return Math.max(this.#current, this.#previous)
  }

  add(value: number, now: number): void {
    this.#turn(now)
    if (value > this.#current) this.#current = value
  }

  #turn(now: number): void {
    if (now - this.#turnedAt < halfMs) return
    this.#previous = now - this.#turnedAt < 2 * halfMs ? this.#current : 0
    this.#current = 0
    this.#turnedAt = now
  }
}

interface Known {
  readonly output: HighWater
  /** How far estimates were too low. */
  readonly inputExcess: HighWater
  readonly outputExcess: HighWater
  readonly costExcess: HighWater
  /** Whether an estimate was compared with what came of it. */
  compared: boolean
}

/**
 * What answers of late teach about the size of the next calls, by model group: the longest answer stands for calls that name no
 * `max_tokens` (the model's own maximum would let two calls a minute through on a limit that fits hundreds), and what was estimated
 * too low once is added from then on. So what is reserved is what is used at most, and limits hold with many calls at once.
 */
export class CallSizes {
  readonly #known = new Map<string, Known>()

  /** The longest answer of late; `undefined`: none was seen. @param now `Clock.now()` */
  longestOutput(group: string, now: number): number | undefined {
    const longest = this.#known.get(group)?.output.of(now) ?? 0
    return longest === 0 ? undefined : Math.max(leastOutput, longest)
  }

  /** Whether an estimate for the group was ever compared with what came of it. */
  isKnown(group: string): boolean {
    return this.#known.get(group)?.compared === true
  }

  /** An estimate with what is known to be missing in such. */
  correct(group: string, estimate: Amounts, now: number): Amounts {
    const known = this.#known.get(group)
    if (known?.compared !== true) {
      const inputTokens = Math.max(estimate.inputTokens, unknownTokens)
      const outputTokens = estimate.outputTokens === 0 ? 0 : Math.max(estimate.outputTokens, unknownTokens)
      const share = (inputTokens + outputTokens) / Math.max(1, estimate.inputTokens + estimate.outputTokens)
      return { inputTokens, outputTokens, cost: Math.ceil(estimate.cost * share) }
    }
    return {
      inputTokens: estimate.inputTokens + known.inputExcess.of(now),
      outputTokens: estimate.outputTokens + known.outputExcess.of(now),
      cost: estimate.cost + known.costExcess.of(now),
    }
  }

  /** @param estimate before it was corrected; `undefined`: none was needed */
  add(group: string, used: Amounts, estimate: Amounts | undefined, now: number): void {
    let known = this.#known.get(group)
    if (known === undefined) {
      if (this.#known.size >= maxGroups) this.#known.clear()
      const water = () => new HighWater(now)
      known = { output: water(), inputExcess: water(), outputExcess: water(), costExcess: water(), compared: false }
      this.#known.set(group, known)
    }
    known.output.add(used.outputTokens, now)
    if (estimate === undefined) return
    known.compared = true
    known.inputExcess.add(used.inputTokens - estimate.inputTokens, now)
    known.outputExcess.add(used.outputTokens - estimate.outputTokens, now)
    known.costExcess.add(used.cost - estimate.cost, now)
  }
}
