import { Buffer } from 'node:buffer'
import { GatewayError } from '../core/errors.ts'
import { type ByteTail, createByteTail } from '../lib/bytes.ts'
import type { BodySink, RequestTimeout } from '../lib/http-server/http-exchange.ts'
import type { MalformedMessage } from '../lib/http1/head-fields.ts'
import { requestError } from './request-error.ts'
import type { Exchange } from './route.ts'

/**
 * The whole body, at most `limit` bytes: at once where it came with the head. A declared length above it is refused before a byte is read.
 * @throws GatewayError `body_too_large`, `unsupported_media_type`, `body_timeout`, `invalid_request` for broken chunks, or what
 *   interrupted the call
 */
export function readBody(exchange: Exchange, limit: number): Buffer | Promise<Buffer> {
  const { head, http, reply } = exchange
  if (head.contentEncoding !== undefined && head.contentEncoding !== 'identity') {
    throw new GatewayError(
      'unsupported_media_type',
      `content-encoding \`${head.contentEncoding}\` is not supported; send the body uncompressed`,
    )
  }
  if (http.request.length !== undefined && http.request.length > limit) throw tooLarge(limit)
  const whole = http.takeBody()
  if (whole !== undefined) return whole
  return new Promise((resolve, reject) => {
    // Who hangs up is told of to the reply alone.
    reply.onInterrupt(reject)
    http.readBody(new BodyBytes(limit, resolve, reject))
  })
}

class BodyBytes implements BodySink {
  readonly #limit: number
  readonly #resolve: (body: Buffer) => void
  readonly #reject: (error: GatewayError) => void
  #first: Buffer | undefined
  /** All of a body in pieces: a million tiny ones cost what they hold. */
  #all: ByteTail | undefined
  #bytes = 0

  constructor(limit: number, resolve: (body: Buffer) => void, reject: (error: GatewayError) => void) {
    this.#limit = limit
    this.#resolve = resolve
    this.#reject = reject
  }

  onData(bytes: Buffer): void {
    this.#bytes += bytes.length
    if (this.#bytes > this.#limit) {
      this.#all = undefined
      this.#reject(tooLarge(this.#limit))
    } else if (this.#first === undefined) this.#first = bytes
    else {
      if (this.#all === undefined) {
        this.#all = createByteTail()
        this.#all.append(this.#first, 0, this.#first.length)
      }
      this.#all.append(bytes, 0, bytes.length)
    }
  }

  onEnd(): void {
    this.#resolve(this.#all?.take() ?? this.#first ?? Buffer.alloc(0))
  }

  onError(error: MalformedMessage | RequestTimeout): void {
    this.#reject(requestError(error))
  }
}

function tooLarge(limit: number): GatewayError {
  return new GatewayError(
    'body_too_large',
    `The body is larger than the limit of ${limit} bytes (general_settings.max_request_size_mb).`,
  )
}
