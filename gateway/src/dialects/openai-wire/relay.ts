import { Buffer } from 'node:buffer'
import { servedAs, type Usage } from '../../core/usage.ts'
import type { ByteSpan } from '../../lib/bytes.ts'
import { isObject, type JsonObject, parseJsonObject } from '../../lib/json.ts'
import { scanTopLevel, stringAt } from '../../lib/json-scan.ts'
import type { Mutable } from '../../lib/mutable.ts'
import { createSseParser, dataSpan, formatSse, type SseEvent } from '../../lib/sse.ts'
import type { EventRelay, RelayOptions, Skim } from '../dialect.ts'
import { done, malformedMessage } from './chunk.ts'
import { streamErrorOf } from './errors.ts'
import { decodeUsage } from './usage.ts'

const nothing = Buffer.alloc(0)
const doneBytes = Buffer.from(done)
const doneEvent = Buffer.from(`data: ${done}\n\n`)
const telling = /"usage"\s*:\s*\{|"error"/

/**
 * Passes the events of an OpenAI stream on as bytes: `model` is renamed in place, usage is read, and hidden from callers
 * who did not ask for it. Chunks are parsed until the first content has passed. From then on only those are looked into
 * that may hold usage or an error; in the others the bytes up to the model's name are compared and replaced as a whole,
 * because one answer's chunks all begin alike.
 * @param hasContent whether a chunk holds something that the caller would miss or see twice if the call were repeated
 */
export function openRelay(options: RelayOptions, hasContent: (chunk: JsonObject) => boolean): EventRelay {
  const shownModel = options.model === undefined ? undefined : Buffer.from(JSON.stringify(options.model))
  /** The bytes before and with the model's name as the provider writes them, and what replaces them. */
  let head: Buffer | undefined
  let shownHead: Buffer = nothing

  /** The same two as Latin-1 text, for whole reads. */
  let headText = plainStart
  let shownHeadText = plainStart

  /** The last two events: the reason why the answer finished is in one of them, usage may come after it. */
  let last: Buffer | undefined
  let beforeLast: Buffer | undefined

  const self: Mutable<EventRelay> = {
    started: false,
    finished: false,
    failure: undefined,
    usage: undefined,
    push(event) {
      beforeLast = last
      last = event
      const data = dataSpan(event)
      if (data === undefined || !isPlain(event)) return relayParsed(event)
      if (holds(event, data, doneBytes)) {
        self.finished = true
        return event
      }
      // A chunk that does not end as an object was cut or is none.
      if (self.started && event[data.end - 1] === closeBrace && !isTelling(event)) {
        if (shownModel === undefined) return event
        if (head !== undefined && startsWith(event, head)) {
          return Buffer.concat([shownHead, event.subarray(head.length)])
        }
      } else if (!self.started) {
        const chunk = parseJsonObject(event.toString('utf8', data.start, data.end))
        if (chunk === undefined) return relayParsed(event)
        self.started = hasContent(chunk)
      }
      return relayBytes(event, data)
    },
    skim,
    end() {
      if (self.finished || self.failure !== undefined || !(saysWhyItFinished(last) || saysWhyItFinished(beforeLast)))
        return nothing
      self.finished = true
      return doneEvent
    },
  }
  return self

  function skim(text: string): Skim {
    const isTellingBefore = tellingFinder(text)
    const hasReturn = text.includes('\r')
    return (from) => {
      if (!self.started || hasReturn || (shownModel !== undefined && head === undefined)) return undefined
      let passed = ''
      let at = from
      let lastAt = -1
      let beforeLastAt = -1
      while (text.startsWith(headText, at)) {
        const end = text.indexOf('\n', at + headText.length)
        if (end === -1 || text.charCodeAt(end + 1) !== lineFeed || text.charCodeAt(end - 1) !== closeBrace) break
        if (isTellingBefore(at, end)) break
        passed += shownHeadText + text.slice(at + headText.length, end + 2)
        beforeLastAt = lastAt
        lastAt = at
        at = end + 2
      }
      if (lastAt === -1) return undefined
      beforeLast = beforeLastAt === -1 ? last : Buffer.from(text.slice(beforeLastAt, lastAt), 'latin1')
      last = Buffer.from(text.slice(lastAt, at), 'latin1')
      return { text: passed, end: at }
    }
  }

  function relayBytes(event: Buffer, data: ByteSpan): Buffer {
    const [choices, model, counted, error, tier] = scanTopLevel(event, data.start, data.end, [
      'choices',
      'model',
      'usage',
      'error',
      'service_tier',
    ])
    const isOrdinary = choices !== undefined && choices !== 'ambiguous' && error === undefined
    if (!isOrdinary || model === 'ambiguous' || counted === 'ambiguous') return relayParsed(event)
    const edits: Edit[] = []
    if (counted !== undefined && event[counted.start] === openBrace) {
      const usage = decodeUsage(parseJsonObject(event.subarray(counted.start, counted.end)))
      if (usage !== undefined) self.usage = servedAs(usage, stringAt(event, model), stringAt(event, tier))
      if (!options.includeUsage) {
        if (isEmptyList(event, choices)) return nothing
        edits.push({ span: counted, bytes: nullBytes })
      }
    }
    if (shownModel !== undefined && model !== undefined) {
      if (!holds(event, model, shownModel)) edits.push({ span: model, bytes: shownModel })
      if (model.start < choices.start) {
        head = Buffer.from(event.subarray(0, model.end))
        shownHead = Buffer.concat([event.subarray(0, model.start), shownModel])
        headText = head.toString('latin1')
        shownHeadText = shownHead.toString('latin1')
      }
    }
    return edits.length === 0 ? event : splice(event, edits)
  }

  /** The slow way, for whatever is not one plain line of data with one JSON object. */
  function relayParsed(event: Buffer): Buffer {
    const parsed = createSseParser().push(event)[0]
    if (parsed === undefined || parsed.data === '') return event
    if (parsed.data === done) {
      self.finished = true
      return event
    }
    const chunk = parseJsonObject(parsed.data)
    if (chunk === undefined) {
      self.failure = { message: malformedMessage(parsed.data), code: undefined }
      return nothing
    }
    self.failure = streamErrorOf(chunk, parsed.event)
    if (self.failure !== undefined) return nothing
    self.started ||= hasContent(chunk)
    const usage: Usage | undefined = decodeUsage(chunk.usage)
    if (usage !== undefined) self.usage = servedAs(usage, chunk.model, chunk.service_tier)
    const changed = rewrite(chunk)
    return changed === undefined ? nothing : Buffer.from(formatSse(withData(parsed, JSON.stringify(changed))))
  }

  function rewrite(chunk: JsonObject): JsonObject | undefined {
    let result = chunk
    if (options.model !== undefined && chunk.model !== undefined) result = { ...result, model: options.model }
    if (options.includeUsage || !isObject(chunk.usage)) return result
    if (Array.isArray(chunk.choices) && chunk.choices.length === 0) return undefined
    return { ...result, usage: null }
  }
}

/** How a chunk begins whose model is passed on as it is. */
const plainStart = 'data: {'
const lineFeed = 0x0a
const openBrace = 0x7b
const closeBrace = 0x7d
const closeBracket = 0x5d
const nullBytes = Buffer.from('null')

function saysWhyItFinished(event: Buffer | undefined): boolean {
  const [parsed] = event === undefined ? [] : createSseParser().push(event)
  const chunk = parsed === undefined ? undefined : parseJsonObject(parsed.data)
  const choices = Array.isArray(chunk?.choices) ? chunk.choices : []
  return choices.some((choice: unknown) => isObject(choice) && typeof choice.finish_reason === 'string')
}

/** Whether the event starts with its data: an event with a name goes the slow way, where the name is read. */
function isPlain(event: Buffer): boolean {
  return event[0] === 0x64
}

/**
 * Whether usage or an error may be inside. In a JSON string the quotes would be escaped, so what a model writes cannot look
 * like it. One expression over Latin-1 text takes a fifth of the time of three searches for bytes.
 */
function isTelling(event: Buffer): boolean {
  return telling.test(event.toString('latin1'))
}

/**
 * Tells for parts of a text, in their order, what `isTelling` tells. Each needle is looked for once until it is passed; `"usage":null`,
 * which some providers put into every chunk, is none.
 */
function tellingFinder(text: string): (from: number, end: number) => boolean {
  let errorAt = -1
  let usageAt = -1
  return (from, end) => {
    if (errorAt < from) errorAt = indexOrEnd(text, '"error"', from)
    if (usageAt < from) usageAt = indexOrEnd(text, '"usage"', from)
    while (usageAt < end && text.startsWith(':null', usageAt + 7)) usageAt = indexOrEnd(text, '"usage"', usageAt + 7)
    return errorAt < end || usageAt < end
  }
}

function indexOrEnd(text: string, needle: string, from: number): number {
  const index = text.indexOf(needle, from)
  return index === -1 ? text.length : index
}

function startsWith(event: Buffer, head: Buffer): boolean {
  return event.length > head.length && event.compare(head, 0, head.length, 0, head.length) === 0
}

function holds(event: Buffer, span: ByteSpan, bytes: Buffer): boolean {
  const length = span.end - span.start
  return length === bytes.length && event.compare(bytes, 0, length, span.start, span.end) === 0
}

function isEmptyList(event: Buffer, span: ByteSpan): boolean {
  let position = span.start + 1
  while (position < span.end && (event[position] ?? 0) <= 0x20) position += 1
  return event[position] === closeBracket
}

interface Edit {
  readonly span: ByteSpan
  readonly bytes: Buffer
}

function splice(event: Buffer, edits: readonly Edit[]): Buffer {
  const parts: Buffer[] = []
  let position = 0
  for (const { span, bytes } of edits.toSorted((a, b) => a.span.start - b.span.start)) {
    parts.push(event.subarray(position, span.start), bytes)
    position = span.end
  }
  parts.push(event.subarray(position))
  return Buffer.concat(parts)
}

function withData(event: SseEvent, data: string): SseEvent {
  return event.event === undefined ? { data } : { event: event.event, data }
}
