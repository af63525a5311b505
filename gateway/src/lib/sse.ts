import { Buffer } from 'node:buffer'
import { asBuffer, type ByteSpan, createByteTail } from './bytes.ts'

/** One event of a `text/event-stream` (WHATWG HTML, 9.2): `data` lines are joined by "\n". */
export interface SseEvent {
  /** The `event:` field; absent when the stream gave none. */
  readonly event?: string
  readonly data: string
}

/** Bytes that one event may have before the stream is given up: no provider's event comes near. */
export const defaultMaxEventBytes = 8 * 1024 * 1024

/** One event, or one line without an end, is larger than the reader is willing to hold. */
export class SseOverflow extends Error {
  override readonly name = 'SseOverflow'
  readonly limitBytes: number

  constructor(limitBytes: number) {
    super(`an event of the stream is larger than ${limitBytes} bytes`)
    this.limitBytes = limitBytes
  }
}

export interface SseParser {
  /**
   * The events that these bytes complete.
   * @throws SseOverflow; the parser is of no use afterwards
   */
  push(chunk: Uint8Array): SseEvent[]
  /**
   * The event that the end of the body completes: some servers leave out the last blank line. A last line that lacks
   * its newline is dropped, as the standard says: it may have been cut.
   */
  end(): SseEvent[]
}

export interface SseOptions {
  /** Default 8 MiB. */
  readonly maxEventBytes?: number
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
const colon = 0x3a
const space = 0x20

/**
 * An incremental parser of `text/event-stream` (WHATWG HTML, 9.2.6). Works on bytes and decodes whole lines only, so
 * chunks may end anywhere, also inside a character. Fields other than `event` and `data` have no meaning to us.
 */
export function createSseParser(options: SseOptions = {}): SseParser {
  const maxEventBytes = options.maxEventBytes ?? defaultMaxEventBytes
  const walkLines = createLineWalker()
  const tail = createByteTail()
  let firstLine = true
  let name: string | undefined
  let data: string | undefined
  let eventBytes = 0

  const readLine = (bytes: Buffer, from: number, end: number, events: SseEvent[]): void => {
    let start = from
    if (firstLine) {
      firstLine = false
      if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf && end - start >= 3)
        start += 3
    }
    if (start === end) {
      if (data !== undefined) events.push(name === undefined ? { data } : { event: name, data })
      name = undefined
      data = undefined
      eventBytes = 0
      return
    }
    if (bytes[start] === colon) return
    eventBytes += end - start
    if (eventBytes > maxEventBytes) throw new SseOverflow(maxEventBytes)
    if (isField(bytes, start, end, dataField)) {
      const value = bytes.toString('utf8', valueStart(bytes, start + dataField.length, end), end)
      data = data === undefined ? value : `${data}\n${value}`
    } else if (isField(bytes, start, end, eventField)) {
      const value = bytes.toString('utf8', valueStart(bytes, start + eventField.length, end), end)
      name = value === '' ? undefined : value
    }
  }

  const completeLine = (bytes: Buffer, from: number, end: number, events: SseEvent[]): void => {
    if (tail.length === 0) {
      readLine(bytes, from, end, events)
      return
    }
    tail.append(bytes, from, end)
    const line = tail.take()
    readLine(line, 0, line.length, events)
  }

  return {
    push(chunk) {
      const bytes = asBuffer(chunk)
      const events: SseEvent[] = []
      const rest = walkLines(bytes, (start, end) => completeLine(bytes, start, end, events))
      if (rest < bytes.length) tail.append(bytes, rest, bytes.length)
      if (eventBytes + tail.length > maxEventBytes) throw new SseOverflow(maxEventBytes)
      return events
    },
    end() {
      const events: SseEvent[] = []
      tail.take()
      firstLine = false
      readLine(Buffer.alloc(0), 0, 0, events)
      return events
    },
  }
}

/** The text of one event, ending in its blank line. A carriage return in the data would end the line, so it counts as one. */
export function formatSse(event: SseEvent): string {
  const name = event.event === undefined ? '' : `event: ${event.event}\n`
  if (!anyLineEnd.test(event.data)) return `${name}data: ${event.data}\n\n`
  const lines = event.data.split(/\r\n|\n|\r/).map((line) => `data: ${line}\n`)
  return `${name}${lines.join('')}\n`
}

export interface SseSplitter {
  /**
   * The raw events that these bytes complete, each with its blank line; put together again they are the stream's bytes.
   * A slice shares the chunk's memory when the event lies inside the chunk. It may hold comments only, or nothing but
   * line ends; after "\r" ended a chunk, the "\n" that belongs to it leads the next slice.
   * @throws SseOverflow; the splitter is of no use afterwards
   */
  push(chunk: Uint8Array): Buffer[]
  /** Nothing is held, and the next byte starts an event. */
  readonly between: boolean
  /** What follows the last complete event; empty when the stream ended with a blank line. */
  end(): Buffer
}

/**
 * Cuts `text/event-stream` bytes into events without decoding them, for relays that rewrite one field and pass the rest.
 * An event ends as soon as its blank line does, for every mix of "\n", "\r\n" and "\r".
 */
export function createSseSplitter(options: SseOptions = {}): SseSplitter {
  const maxEventBytes = options.maxEventBytes ?? defaultMaxEventBytes
  const tail = createByteTail()
  const walkLines = createLineWalker()
  let lineIsEmpty = true

  const splitter = {
    between: true,
    push(chunk: Uint8Array) {
      const bytes = asBuffer(chunk)
      const events: Buffer[] = []
      let eventStart = 0
      const rest = walkLines(bytes, (start, end, next) => {
        if (lineIsEmpty && start === end) {
          events.push(cut(bytes, eventStart, next))
          eventStart = next
        }
        lineIsEmpty = true
      })
      if (rest < bytes.length) lineIsEmpty = false
      if (eventStart < bytes.length) tail.append(bytes, eventStart, bytes.length)
      if (tail.length > maxEventBytes) throw new SseOverflow(maxEventBytes)
      if (bytes.length > 0) {
        splitter.between = tail.length === 0 && lineIsEmpty && bytes[bytes.length - 1] !== carriageReturn
      }
      return events
    },
    end: () => tail.take(),
  }
  return splitter

  function cut(bytes: Buffer, start: number, end: number): Buffer {
    if (tail.length === 0) return bytes.subarray(start, end)
    tail.append(bytes, start, end)
    return tail.take()
  }
}

type OnLine = (start: number, end: number, next: number) => void

/**
 * Finds the line ends of a stream's chunks: "\n", "\r\n" and "\r", of which the pair may be split over two chunks.
 * @returns a walker, which calls back for each line that ends in the chunk (its start, its end, the start of the next)
 * and returns where the unfinished rest starts
 */
function createLineWalker(): (bytes: Buffer, onLine: OnLine) => number {
  let afterCarriageReturn = false
  return (bytes, onLine) => {
    let position = 0
    if (afterCarriageReturn && bytes.length > 0) {
      if (bytes[0] === lineFeed) position = 1
      afterCarriageReturn = false
    }
    // Each search is kept until passed: a chunk without any carriage return is searched for one once, not once a line.
    let nextFeed = indexOrEnd(bytes, lineFeed, position)
    let nextReturn = indexOrEnd(bytes, carriageReturn, position)
    while (position < bytes.length) {
      const end = Math.min(nextFeed, nextReturn)
      if (end === bytes.length) break
      let next = end + 1
      if (end === nextReturn) {
        if (next === bytes.length) afterCarriageReturn = true
        else if (bytes[next] === lineFeed) next += 1
        nextReturn = indexOrEnd(bytes, carriageReturn, next)
      }
      if (nextFeed < next) nextFeed = indexOrEnd(bytes, lineFeed, next)
      onLine(position, end, next)
      position = next
    }
    return position
  }
}

/**
 * Where the value of the one `data` line of a raw event stands.
 * @returns `undefined` when the event has no data, or spreads it over several lines
 */
export function dataSpan(event: Buffer): ByteSpan | undefined {
  let found: ByteSpan | undefined
  let position = event[0] === 0xef && event[1] === 0xbb && event[2] === 0xbf ? 3 : 0
  let nextReturn = indexOrEnd(event, carriageReturn, position)
  while (position < event.length) {
    const end = Math.min(indexOrEnd(event, lineFeed, position), nextReturn)
    if (isField(event, position, end, dataField)) {
      if (found !== undefined) return undefined
      found = { start: valueStart(event, position + dataField.length, end), end }
    }
    position = end + 1
    if (nextReturn < position) nextReturn = indexOrEnd(event, carriageReturn, position)
  }
  return found
}

const anyLineEnd = /[\r\n]/
const dataField = Buffer.from('data')
const eventField = Buffer.from('event')

function isField(bytes: Buffer, start: number, end: number, field: Buffer): boolean {
  const length = field.length
  if (end - start < length) return false
  for (let index = 0; index < length; index += 1) if (bytes[start + index] !== field[index]) return false
  return end - start === length || bytes[start + length] === colon
}

/** Past the colon and the one space that may follow it. */
function valueStart(bytes: Buffer, afterName: number, end: number): number {
  if (afterName === end) return end
  return afterName + 1 < end && bytes[afterName + 1] === space ? afterName + 2 : afterName + 1
}

function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const index = bytes.indexOf(byte, from)
  return index === -1 ? bytes.length : index
}
