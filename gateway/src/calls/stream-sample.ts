import { Buffer } from 'node:buffer'
import { boundedTokens } from '../core/prompt-tokens.ts'
import { isObject, type JsonValue, parseJsonObject } from '../lib/json.ts'

/** A few events, enough to see how much of a stream's bytes is text; copied, so that no network buffer is held. */
const sampleBytes = 4_096

/**
 * How much a provider has said so far, for streams that end before it tells. Bytes are counted, and now and then some events are
 * kept: from the share of text in them the tokens of the whole are estimated, without looking into every event.
 */
export class StreamSample {
  #bytes = 0
  #chunks = 0
  #nextSample = 2
  #sample: Buffer | undefined

  add(chunk: Buffer): void {
    this.#bytes += chunk.length
    this.#chunks += 1
    // The first chunk has no text in many dialects; later ones, ever more seldom, see what the answer has become.
    if (this.#sample !== undefined && this.#chunks < this.#nextSample) return
    if (this.#chunks >= this.#nextSample) this.#nextSample *= 4
    const from = Math.max(0, chunk.length - sampleBytes)
    this.#sample = Buffer.from(chunk.subarray(from))
  }

  /** An estimate; 0 when nothing was said. */
  outputTokens(): number {
    if (this.#sample === undefined) return 0
    const tokens = textTokensIn(this.#sample.toString('utf8'))
    return tokens === 0 ? 0 : Math.max(1, Math.round((tokens * this.#bytes) / this.#sample.length))
  }
}

/** Where the dialects put what a model says. */
const spoken: ReadonlySet<string> = new Set([
  'content',
  'text',
  'thinking',
  'reasoning',
  'reasoning_content',
  'refusal',
  'arguments',
  'partial_json',
])

function textTokensIn(events: string): number {
  let tokens = 0
  for (const line of events.split('\n')) {
    if (!line.startsWith('data:')) continue
    const open: (JsonValue | undefined)[] = [parseJsonObject(line.slice('data:'.length))]
    while (open.length > 0) {
      const value = open.pop()
      if (Array.isArray(value)) for (const item of value) open.push(item)
      else if (isObject(value)) {
        for (const [key, item] of Object.entries(value)) {
          if (typeof item === 'string' && spoken.has(key)) tokens += boundedTokens(item)
          else open.push(item)
        }
      }
    }
  }
  return tokens
}
