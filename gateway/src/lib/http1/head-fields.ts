import { readName } from './field-names.ts'

/** A message that breaks HTTP/1.1's grammar, or could be read in two ways. Its connection is of no use afterwards. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
}

/** A head with more fields or bytes than anybody needs. */
export class HeadTooLarge extends MalformedMessage {}

/** More than any real head has; the total is bounded in bytes anyway. */
const maxFields = 256

/**
 * The fields of a head that HeadReader found (RFC 9112, 5). Folded lines and space before the colon are refused, as the standard asks for.
 * @param from where the first field line starts
 * @param end where the line end of the last field line starts
 * @returns lower-case name, value, name, value … in their order; repeated names stay apart
 * @throws MalformedMessage
 */
export function readFields(text: string, from: number, end: number): string[] {
  const fields: string[] = []
  let start = from
  while (start < end) {
    // Half of a line end, because HeadReader let none through alone, and a single character is found in a third of the time.
    const lineFeed = text.indexOf('\n', start)
    const lineEnd = lineFeed === -1 || lineFeed > end ? end : lineFeed - 1
    const name = readName(text, start, lineEnd)
    const position = start + name.length
    if (name === '' || text.charCodeAt(position) !== colon || position >= lineEnd) {
      throw new MalformedMessage('a header line without a valid name')
    }
    let valueStart = position + 1
    while (valueStart < lineEnd && isBlank(text.charCodeAt(valueStart))) valueStart += 1
    let valueEnd = lineEnd
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd -= 1
    if (fields.push(name, text.slice(valueStart, valueEnd)) > maxFields * 2) {
      throw new HeadTooLarge(`more than ${maxFields} headers`)
    }
    start = lineEnd + 2
  }
  return fields
}

const colon = 0x3a

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** The first value of a field, by its lower-case name. @param fields name, value, name, value … */
export function headerOf(fields: readonly string[], name: string): string | undefined {
  for (let index = 0; index < fields.length; index += 2) if (fields[index] === name) return fields[index + 1]
  return undefined
}

/** The length that `Content-Length` declares. @throws MalformedMessage for anything but plain digits */
export function readLength(value: string): number {
  const length = value === '' || value.length > maxLengthDigits ? undefined : numberAt(value, 0, value.length)
  if (length === undefined) throw new MalformedMessage('a content-length that is not a number')
  return length
}

/** Of what a number holds to the last byte. */
const maxLengthDigits = 15
const zero = 0x30

/** The number that these places of a text spell; `undefined` where one of them is no digit. */
export function numberAt(text: string, start: number, end: number): number | undefined {
  let number = 0
  for (let index = start; index < end; index += 1) {
    const digit = text.charCodeAt(index) - zero
    // Not a number at all behind the end of the text.
    if (!(digit >= 0 && digit <= 9)) return undefined
    number = number * 10 + digit
  }
  return number
}

/** Whether a list such as `Connection: keep-alive, x-hop` has the element. */
export function listHas(value: string, element: string): boolean {
  if (value === element) return true
  return value.split(',').some((one) => one.trim().toLowerCase() === element)
}

/** What frames a body and a connection, of all that a head says. */
export interface Framing {
  /** Bytes of the body; `undefined` when none is declared. */
  length: number | undefined
  chunked: boolean
  close: boolean
  keepAlive: boolean
}

/**
 * Reads the fields that decide where a message ends. Any doubt is an error: two parties that disagree about it read different
 * messages from then on (request and response smuggling, RFC 9112, 11.1 and 11.2).
 * @param minor of HTTP/1.x
 * @throws MalformedMessage for a second `Content-Length` or `Transfer-Encoding`, both together, or another coding than `chunked`
 */
export function readFraming(fields: readonly string[], minor: number): Framing {
  let length: number | undefined
  let coding: string | undefined
  let close = false
  let keepAlive = false
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]
    const value = fields[index + 1] ?? ''
    if (name === 'content-length') {
      if (length !== undefined) throw new MalformedMessage('two content-length headers')
      length = readLength(value)
    } else if (name === 'transfer-encoding') {
      if (coding !== undefined) throw new MalformedMessage('two transfer-encoding headers')
      coding = value
    } else if (name === 'connection') {
      if (value === 'keep-alive') keepAlive = true
      else {
        close ||= listHas(value, 'close')
        keepAlive ||= listHas(value, 'keep-alive')
      }
    }
  }
  if (coding === undefined) return { length, chunked: false, close, keepAlive }
  if (length !== undefined) throw new MalformedMessage('content-length and transfer-encoding together')
  if (minor === 0) throw new MalformedMessage('transfer-encoding in HTTP/1.0')
  if (coding.toLowerCase() !== 'chunked') throw new MalformedMessage('a transfer-encoding other than chunked')
  return { length, chunked: true, close, keepAlive }
}
