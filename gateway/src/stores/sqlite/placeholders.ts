/** A text with SQLite's anonymous placeholders, and which parameter belongs to each. */
export interface Positional {
  readonly text: string
  /** From 0. */
  readonly order: readonly number[]
}

/** `$2 … $1 … $2` → `? … ? … ?` with 1, 0, 1. */
export function toPositional(text: string): Positional {
  const order: number[] = []
  const positional = text.replace(/\$(\d+)/g, (_, digits: string) => {
    order.push(Number(digits) - 1)
    return '?'
  })
  return { text: positional, order }
}
