const halfMs = 600_000
const maxGroups = 10_000

/** What is assumed of a model group of which no answer is known yet, tokens. */
export const unknownOutput = 4_096
/** The least that is assumed, tokens: one short answer must not make the next long ones free. */
const leastOutput = 64

interface Sizes {
  current: number
  previous: number
  turnedAt: number
}

/**
 * The longest answers of late, by model group: what a call that names no `max_tokens` is taken to need. The model's own maximum would
 * let two calls a minute through on a limit that fits hundreds.
 */
export class OutputSizes {
  readonly #sizes = new Map<string, Sizes>()

  /** @param now `Clock.now()` */
  expect(group: string, now: number): number {
    const sizes = this.#sizes.get(group)
    if (sizes === undefined) return unknownOutput
    turn(sizes, now)
    const longest = Math.max(sizes.current, sizes.previous)
    return longest === 0 ? unknownOutput : Math.max(leastOutput, longest)
  }

  add(group: string, outputTokens: number, now: number): void {
    let sizes = this.#sizes.get(group)
    if (sizes === undefined) {
      if (this.#sizes.size >= maxGroups) this.#sizes.clear()
      sizes = { current: 0, previous: 0, turnedAt: now }
      this.#sizes.set(group, sizes)
    }
    turn(sizes, now)
    if (outputTokens > sizes.current) sizes.current = outputTokens
  }
}

function turn(sizes: Sizes, now: number): void {
  if (now - sizes.turnedAt < halfMs) return
  sizes.previous = now - sizes.turnedAt < 2 * halfMs ? sizes.current : 0
  sizes.current = 0
  sizes.turnedAt = now
}
