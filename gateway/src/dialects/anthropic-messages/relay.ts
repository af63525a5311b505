import { Buffer } from 'node:buffer'
import { servedAs } from '../../core/usage.ts'
import { isObject, type JsonObject, parseJsonObject } from '../../lib/json.ts'
import type { Mutable } from '../../lib/mutable.ts'
import { createSseParser, dataSpan } from '../../lib/sse.ts'
import type { EventRelay, RelayOptions } from '../dialect.ts'
import { decodeUsage } from './usage.ts'

const hidden = Buffer.alloc(0)
const stopEvent = Buffer.from('event: message_stop\ndata: {"type":"message_stop"}\n\n')
const deltaMark = Buffer.from('content_block_delta')

/**
 * Relays Anthropic's stream events as bytes. Content deltas pass untouched; the few other events are parsed, for usage, errors
 * and the end, and `message_start` is rebuilt where its model is to be renamed.
 */
export function openRelay(options: RelayOptions): EventRelay {
  /** `message_start` has the input side, `message_delta` the output side: the later one's fields count. */
  let wireUsage: JsonObject = {}
  let stopReason: unknown
  let model: unknown

  function note(value: unknown): void {
    if (!isObject(value)) return
    const known = Object.entries(value).filter(([, field]) => field !== null)
    wireUsage = { ...wireUsage, ...Object.fromEntries(known) }
    const usage = decodeUsage(wireUsage)
    self.usage = usage === undefined ? undefined : servedAs(usage, model)
  }

  function start(event: Buffer, body: JsonObject): Buffer {
    const message = body.message
    if (!isObject(message)) return event
    model = message.model
    note(message.usage)
    if (options.model === undefined || message.model === options.model) return event
    const renamed = { ...body, message: { ...message, model: options.model } }
    return Buffer.from(`event: message_start\ndata: ${JSON.stringify(renamed)}\n\n`)
  }

  const self: Mutable<EventRelay> = {
    started: false,
    finished: false,
    failure: undefined,
    usage: undefined,
    push(event) {
      // The mark stands in the `event:` line, before anything a model could have written.
      const mark = event.indexOf(deltaMark)
      if (mark !== -1 && mark < 32) {
        self.started = true
        return event
      }
      const data = dataOf(event)
      if (data === undefined) return event
      const body = parseJsonObject(data)
      if (body === undefined) {
        self.failure = { message: 'the provider sent an event that is not JSON', code: undefined }
        return hidden
      }
      switch (body.type) {
        case 'message_start':
          return start(event, body)
        case 'content_block_start':
        case 'content_block_delta':
          self.started = true
          return event
        case 'message_delta':
          self.started = true
          note(body.usage)
          if (isObject(body.delta)) stopReason = body.delta.stop_reason ?? stopReason
          return event
        case 'message_stop':
          self.finished = true
          return event
        case 'error':
          self.failure = errorOf(body.error)
          return hidden
        default:
          return event
      }
    },
    end() {
      if (self.finished || self.failure !== undefined || typeof stopReason !== 'string') return hidden
      self.finished = true
      return stopEvent
    },
  }
  return self
}

/** The event's data; lines of data that are spread over several are joined by the parser. */
function dataOf(event: Buffer): Buffer | string | undefined {
  const span = dataSpan(event)
  return span === undefined ? createSseParser().push(event)[0]?.data : event.subarray(span.start, span.end)
}

function errorOf(error: unknown): NonNullable<EventRelay['failure']> {
  if (!isObject(error)) return { message: JSON.stringify(error), code: undefined }
  return {
    message: typeof error.message === 'string' ? error.message : JSON.stringify(error),
    code: typeof error.type === 'string' ? error.type : undefined,
  }
}
