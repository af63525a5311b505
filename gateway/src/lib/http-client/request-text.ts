import { Buffer } from 'node:buffer'
import type { UpstreamRequest } from '../http-client.ts'
import { fieldLines } from '../http1/field-lines.ts'
import type { RequestBytes } from './connection.ts'

/** Headers that frame the message or the connection: ours to write, and two of them would make two readings. */
const framing: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Bodies up to this size are sent as one string with their head: one write instead of two pieces. */
const joinedBytes = 65_536
/** Deployments share an origin by the dozen at most; each has one list of headers that lives as long as it does. */
const remembered = 32

interface Known {
  readonly headers: readonly string[]
  readonly path: string
  readonly method: string
  readonly text: string
}

/** Writes requests of one origin. The head of an endpoint is checked and put together once, as long as it is in use. */
export class RequestText {
  readonly #host: string
  readonly #known: Known[] = []
  #next = 0

  /** @param host with its port, if it is not the scheme's own */
  constructor(host: string) {
    this.#host = host
  }

  /**
   * The bytes of a request: Latin-1 text of head and body in one, or with a large body the head and the body's bytes.
   * @throws TypeError for a path or a header that cannot be sent as one
   */
  of(request: UpstreamRequest): RequestBytes {
    const start = this.#startOf(request)
    const { body } = request
    if (body === null || body.length === 0) {
      return { text: request.method === 'GET' ? `${start}\r\n` : `${start}content-length: 0\r\n\r\n`, rest: undefined }
    }
    if (typeof body === 'string') {
      const bytes = Buffer.byteLength(body)
      if (bytes === body.length && bytes <= joinedBytes) {
        return { text: `${start}content-length: ${bytes}\r\n\r\n${body}`, rest: undefined }
      }
      return { text: `${start}content-length: ${bytes}\r\n\r\n`, rest: Buffer.from(body) }
    }
    const head = `${start}content-length: ${body.length}\r\n\r\n`
    if (body.length > joinedBytes) return { text: head, rest: body }
    return { text: head + body.toString('latin1'), rest: undefined }
  }

  #startOf(request: UpstreamRequest): string {
    const { headers, path, method } = request
    for (const known of this.#known) {
      if (known.headers === headers && known.path === path && known.method === method) return known.text
    }
    const text = startText(request, this.#host)
    this.#known[this.#next] = { headers, path, method, text }
    this.#next = (this.#next + 1) % remembered
    return text
  }
}

/** Request line and headers, as far as they do not depend on the body. */
function startText(request: UpstreamRequest, ownHost: string): string {
  const { headers, path, method } = request
  if (!/^\/[\x21-\x7e]*$/.test(path))
    throw new TypeError('the path of the request has characters that a path cannot have')
  let hasHost = false
  for (let index = 0; index < headers.length; index += 2) {
    const lower = headers[index]?.toLowerCase() ?? ''
    if (framing.has(lower)) throw new TypeError(`the header ${lower} cannot be set`)
    if (lower === 'host') hasHost = true
  }
  const host = hasHost ? '' : `\r\nhost: ${ownHost}`
  return `${method} ${path} HTTP/1.1${host}\r\nconnection: keep-alive${fieldLines(headers)}\r\n`
}
