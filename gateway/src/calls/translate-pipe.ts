import type { ChatEvent } from '../core/chat.ts'
import { asGatewayError } from '../core/errors.ts'
import { servedAs } from '../core/usage.ts'
import type { ChatDialect, EncoderOptions } from '../dialects/dialect.ts'
import type { Mutable } from '../lib/mutable.ts'
import { createSseParser, type SseEvent, SseOverflow } from '../lib/sse.ts'
import { streamFailure } from './failure.ts'
import type { StreamPipe } from './stream-pipe.ts'

/**
 * Translates a stream event by event from the provider's dialect to the caller's, through the normal form.
 * @param created Unix seconds, for providers that do not say when they answered
 */
export function translatePipe(
  provider: ChatDialect,
  caller: ChatDialect,
  options: EncoderOptions,
  created: number,
): StreamPipe {
  const parser = createSseParser()
  const decoder = provider.openDecoder()
  const encoder = caller.openEncoder(options)
  let saidWhy = false
  let model = ''

  function take(event: ChatEvent): string {
    switch (event.type) {
      case 'error':
        self.failure = streamFailure(event.message, event.code)
        return ''
      case 'start':
        model = event.model
        return encoder.push(event.created === 0 ? { ...event, created } : event)
      case 'usage':
        self.usage = servedAs(event.usage, model)
        return encoder.push(event)
      case 'end':
        self.finished = true
        return encoder.push(event)
      case 'finish':
        saidWhy = true
        self.started = true
        return encoder.push(event)
      default:
        self.started = true
        return encoder.push(event)
    }
  }

  function read(parse: () => readonly SseEvent[]): string {
    let out = ''
    try {
      for (const wire of parse()) {
        for (const event of decoder.push(wire)) {
          out += take(event)
          if (self.failure !== undefined) return out
        }
      }
    } catch (error) {
      self.failure =
        error instanceof SseOverflow
          ? { code: 'upstream_malformed', message: error.message }
          : { code: asGatewayError(error).code, message: asGatewayError(error).message }
    }
    return out
  }

  const self: Mutable<StreamPipe> = {
    started: false,
    finished: false,
    failure: undefined,
    usage: undefined,
    push: (chunk) => read(() => parser.push(chunk)),
    end() {
      const rest = read(() => parser.end())
      if (self.finished || !saidWhy || self.failure !== undefined) return rest
      self.finished = true
      return rest + encoder.push({ type: 'end' })
    },
    fail: (error) => encoder.fail(error),
  }
  return self
}
