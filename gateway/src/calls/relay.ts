import { Buffer } from 'node:buffer'
import { GatewayError } from '../core/errors.ts'
import { servedAs, type Usage } from '../core/usage.ts'
import type { UpstreamFailure } from '../core/wire.ts'
import type { ChatDialect, Dialect, EventEncoder, EventRelay, RelayOptions } from '../dialects/dialect.ts'
import type { ByteSpan, WireBody } from '../lib/bytes.ts'
import { jsonString, parseJsonObject } from '../lib/json.ts'
import { scanTopLevel, stringAt } from '../lib/json-scan.ts'
import { createSseSplitter, SseOverflow } from '../lib/sse.ts'
import { asAnswerId } from './answer-id.ts'
import { streamFailure } from './failure.ts'
import type { Rendered } from './served.ts'
import type { StreamPipe } from './stream-pipe.ts'

const nothing = Buffer.alloc(0)
const lineFeed = 0x0a
const newline = Buffer.from('\n')
const blankLine = '\n\n'

/** Passes a stream on event by event, as bytes; only what the dialect's relay changes is rebuilt. */
export function relayPipe(dialect: ChatDialect, options: RelayOptions): StreamPipe {
  return new RelayPipe(dialect, options)
}

/** A class, because getters in a literal would give every pipe a hidden class of its own, which outlives it by far. */
class RelayPipe implements StreamPipe {
  readonly #relay: EventRelay
  readonly #splitter = createSseSplitter()
  readonly #encoder: EventEncoder
  failure: UpstreamFailure | undefined

  constructor(dialect: ChatDialect, options: RelayOptions) {
    this.#relay = dialect.openRelay(options)
    this.#encoder = dialect.openEncoder({ model: options.model ?? '', includeUsage: options.includeUsage })
  }

  push(chunk: Buffer): Buffer {
    const parts: Buffer[] = []
    const skim = this.#relay.skim?.(chunk.toString('latin1'))
    let at = 0
    while (at < chunk.length && this.failure === undefined) {
      const run = this.#splitter.between ? skim?.(at) : undefined
      if (run !== undefined) {
        parts.push(Buffer.from(run.text, 'latin1'))
        at = run.end
        continue
      }
      // Up to the next blank line only where what follows it may be skimmed.
      const blank = skim === undefined ? -1 : chunk.indexOf(blankLine, at)
      const end = blank === -1 ? chunk.length : blank + blankLine.length
      this.#pushEvents(chunk.subarray(at, end), parts)
      at = end
    }
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
  }

  end(): Buffer {
    const rest = this.#splitter.end()
    // A last line that lacks its newline was cut; one that only lacks the blank line after it is whole.
    const last = rest.at(-1) === lineFeed ? this.#relay.push(Buffer.concat([rest, newline])) : nothing
    return Buffer.concat([last, this.#relay.end?.() ?? nothing])
  }

  get started(): boolean {
    return this.#relay.started
  }

  get finished(): boolean {
    return this.#relay.finished
  }

  get usage(): Usage | undefined {
    return this.#relay.usage
  }

  fail(error: GatewayError): string {
    return this.#encoder.fail(error)
  }

  #pushEvents(bytes: Buffer, parts: Buffer[]): void {
    const relay = this.#relay
    try {
      for (const event of this.#splitter.push(bytes)) {
        const passed = relay.push(event)
        if (relay.failure !== undefined) {
          this.failure = streamFailure(relay.failure.message, relay.failure.code)
          return
        }
        if (passed.length > 0) parts.push(passed)
      }
    } catch (error) {
      if (!(error instanceof SseOverflow)) throw error
      this.failure = { code: 'upstream_malformed', message: error.message }
    }
  }
}

/**
 * A whole answer of the caller's own dialect: the bytes as they came, `model` renamed, usage read.
 * @param shown the model name to show; `undefined` leaves the provider's
 */
export function relayWhole(dialect: Dialect, whole: WireBody, shown: string | undefined): Rendered {
  if (dialect.name === 'gemini') return relayGemini(dialect, whole, shown)
  const { bytes: body, text } = whole
  const [id, model, usage, tier] = scanTopLevel(body, 0, body.length, ['id', 'model', 'usage', 'service_tier'])
  if (model === 'ambiguous' || usage === 'ambiguous') return rewritten(dialect, whole, shown)
  const counted =
    usage === undefined || dialect.family === 'count-tokens'
      ? undefined
      : dialect.usageOf({
          usage: parseJsonObject(text?.slice(usage.start, usage.end) ?? body.subarray(usage.start, usage.end)),
        })
  return {
    bytes: renamed(whole, model, shown),
    // OpenAI tells the tier beside the usage: what was asked for may have been served as something else.
    usage: counted === undefined ? undefined : servedAs(counted, stringAt(body, model), stringAt(body, tier)),
    answerId: asAnswerId(stringAt(body, id)),
  }
}

/** Gemini's words for the same. */
function relayGemini(dialect: ChatDialect, whole: WireBody, shown: string | undefined): Rendered {
  const { bytes: body } = whole
  const [id, model, usage] = scanTopLevel(body, 0, body.length, ['responseId', 'modelVersion', 'usageMetadata'])
  if (model === 'ambiguous' || usage === 'ambiguous') return rewritten(dialect, whole, shown)
  const counted =
    usage === undefined
      ? undefined
      : dialect.usageOf({ usageMetadata: parseJsonObject(body.subarray(usage.start, usage.end)) })
  return {
    bytes: renamed(whole, model, shown),
    usage: counted === undefined ? undefined : servedAs(counted, stringAt(body, model)),
    answerId: asAnswerId(stringAt(body, id)),
  }
}

/** The answer with another model's name; with its own where nothing is to be shown, or it is the same. */
function renamed(
  { bytes: body, text }: WireBody,
  span: ByteSpan | undefined,
  shown: string | undefined,
): Buffer | string {
  if (shown === undefined || span === undefined || says(body, span, shown)) return text ?? body
  const name = jsonString(shown)
  if (text !== undefined) return text.slice(0, span.start) + name + text.slice(span.end)
  return Buffer.concat([body.subarray(0, span.start), Buffer.from(name), body.subarray(span.end)])
}

function says(body: Buffer, span: ByteSpan, text: string): boolean {
  return span.end - span.start === text.length + 2 && body.toString('latin1', span.start, span.end) === `"${text}"`
}

function rewritten(dialect: Dialect, { bytes, text }: WireBody, shown: string | undefined): Rendered {
  const value = parseJsonObject(text ?? bytes)
  if (value === undefined) {
    throw new GatewayError('upstream_malformed', 'the provider answered something that is not a JSON object')
  }
  const name = dialect.name === 'gemini' ? 'modelVersion' : 'model'
  const usage = dialect.family === 'count-tokens' ? undefined : dialect.usageOf(value)
  return {
    bytes: JSON.stringify(shown === undefined || !(name in value) ? value : { ...value, [name]: shown }),
    usage: usage === undefined ? undefined : servedAs(usage, value[name], value.service_tier),
    answerId: asAnswerId(dialect.name === 'gemini' ? value.responseId : value.id),
  }
}
