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
  let values = ''
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? ''
    const value = fields[index + 1] ?? ''
    lines += beginnings.get(name) ?? beginningOf(name)
    lines += value
    values += value
  }
  // A line end or control character in a value would end the head early, or the message (header injection).
  if (unsendable.test(values)) throw unsendableIn(fields)
  return lines
}

function beginningOf(name: string): string {
  if (!fieldName.test(name)) throw new TypeError(`${JSON.stringify(name)} is not a header name`)
  const beginning = `\r\n${name}: `
  if (beginnings.size < remembered) beginnings.set(name, beginning)
  return beginning
}

function unsendableIn(fields: readonly string[]): TypeError {
  const bad = fields.findIndex((value, index) => index % 2 === 1 && unsendable.test(value))
  return new TypeError(`the header ${fields[bad - 1]} has a value that cannot be sent`)
}
