const unsendable = /[^\t\x20-\x7e\x80-\xff]/
const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Names are few and come with every message; what strangers make up is not remembered without end. */
const goodNames = new Set<string>()
const remembered = 1_000

/**
 * Header lines as they are written, each with its line end.
 * @param fields name, value, name, value …
 * @throws TypeError naming the header that cannot be sent; the value stays unsaid, as it may be a credential
 */
export function fieldLines(fields: readonly string[]): string {
  let lines = ''
  let values = ''
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? ''
    if (!goodNames.has(name)) checkName(name)
    const value = fields[index + 1] ?? ''
    values += value
    lines += `${name}: ${value}\r\n`
  }
  // A line end or control character in a value would end the head early, or the message (header injection).
  if (unsendable.test(values)) throw unsendableIn(fields)
  return lines
}

function checkName(name: string): void {
  if (!fieldName.test(name)) throw new TypeError(`${JSON.stringify(name)} is not a header name`)
  if (goodNames.size < remembered) goodNames.add(name)
}

function unsendableIn(fields: readonly string[]): TypeError {
  const bad = fields.findIndex((value, index) => index % 2 === 1 && unsendable.test(value))
  return new TypeError(`the header ${fields[bad - 1]} has a value that cannot be sent`)
}
