/** Strangers who make names up are not to fill memory: neither with many, nor with long ones. */
const mostNames = 1_000
const longestName = 64

/** `make`, which remembers what it made of a header's name: names are few, and come with every message. */
export function byName(make: (name: string) => string): (name: string) => string {
  const made = new Map<string, string>()
  return (name) => {
    const known = made.get(name)
    if (known !== undefined) return known
    const text = make(name)
    if (name.length <= longestName && made.size < mostNames) made.set(name, text)
    return text
  }
}
