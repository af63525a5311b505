import { Buffer } from 'node:buffer'
import { servedAs } from '../../core/usage.ts'
import { isObject, type JsonObject, parseJsonObject } from '../../lib/json.ts'
import type { Mutable } from '../../lib/mutable.ts'
import { createSseParser, dataSpan, formatSse } from '../../lib/sse.ts'
import type { EventRelay, RelayOptions } from '../dialect.ts'
import { reportedError } from '../gemini-wire/error.ts'
import { objects, text } from '../gemini-wire/fields.ts'
import { decodeUsage } from './usage.ts'

const nothing = Buffer.alloc(0)

/**
 * Relays Gemini's stream events as bytes. Each is read, for usage, errors and the finish reasons that stand for a terminator (see
 * events.ts), and only written anew where `modelVersion` is to be renamed. Usage is always shown.
 */
export function openRelay(options: RelayOptions): EventRelay {
  const finishedByIndex = new Map<number, boolean>()

  const note = (body: JsonObject): void => {
    const usage = decodeUsage(body.usageMetadata)
    if (usage !== undefined) self.usage = servedAs(usage, body.modelVersion)
    for (const [position, candidate] of objects(body.candidates).entries()) {
      const index = typeof candidate.index === 'number' ? candidate.index : position
      const isLast = text(candidate.finishReason) !== ''
      finishedByIndex.set(index, isLast || finishedByIndex.get(index) === true)
      self.started ||= isLast || objects(isObject(candidate.content) ? candidate.content.parts : undefined).length > 0
    }
    const blocked = isObject(body.promptFeedback) && body.promptFeedback.blockReason !== undefined
    const complete = finishedByIndex.size > 0 && [...finishedByIndex.values()].every((isFinished) => isFinished)
    if (blocked && finishedByIndex.size === 0) self.started = true
    self.finished ||= complete || (blocked && finishedByIndex.size === 0)
  }

  const self: Mutable<EventRelay> = {
    started: false,
    finished: false,
    failure: undefined,
    usage: undefined,
    push(event) {
      const data = dataOf(event)
      if (data === undefined || data === '[DONE]') return event
      const body = parseJsonObject(data)
      if (body === undefined) {
        self.failure = { message: 'the provider sent an event that is not JSON', code: undefined }
        return nothing
      }
      self.failure = reportedError(body)
      if (self.failure !== undefined) return nothing
      note(body)
      if (options.model === undefined || body.modelVersion === undefined || body.modelVersion === options.model)
        return event
      return Buffer.from(formatSse({ data: JSON.stringify({ ...body, modelVersion: options.model }) }))
    },
  }
  return self
}

/** The event's data; `undefined` for a comment or an event without any. */
function dataOf(event: Buffer): string | undefined {
  const span = dataSpan(event)
  if (span !== undefined) return event.toString('utf8', span.start, span.end)
  const data = createSseParser().push(event)[0]?.data
  return data === '' ? undefined : data
}
