const unsendable = /[^\t\x20-\x7e\x80-\xff]/
const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * What stands before a value, by the name: names are few and come with every message. What strangers make up is not remembered without
 * end.
 */
const beginnings = new Map<string, string>()
const remembered = 1_000

/**
 * Header lines as they are written, each after a line end; what goes before them is the first line of a head.
 * @param fields name, value, name, value …
 * @throws TypeError naming the header that cannot be sent; the value stays unsaid, as it may be a credential
 */
export function fieldLines(fields: readonly string[]): string {
  let lines = ''
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? ''
    const value = fields[index + 1] ?? ''
    // A line end or control character would end the head early, or the message (header injection).
    if (unsendable.test(value)) throw new TypeError(`the header ${name} has a value that cannot be sent`)
    lines += beginnings.get(name) ?? beginningOf(name)
    lines += value
  }
  return lines
}

function beginningOf(name: string): string {
  if (!fieldName.test(name)) throw new TypeError(`${JSON.stringify(name)} is not a header name`)
  const beginning = `\r\n${name}: `
  if (beginnings.size < remembered) beginnings.set(name, beginning)
  return beginning
}
