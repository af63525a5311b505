import type { Buffer } from 'node:buffer'
import { type FileHandle, open } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { isPrivateAddress, PrivateAddress, publicLookup } from './addresses.ts'
import { MapRefused } from './refusal.ts'

/** What a server said of the version it sent, to be shown to it at the next time. */
export interface Validators {
  readonly etag?: string
  readonly lastModified?: string
}

export type Fetched =
  | { readonly type: 'fetched'; readonly bytes: Uint8Array<ArrayBuffer>; readonly validators: Validators }
  /** The server says that it is what it was. */
  | { readonly type: 'unchanged' }

export interface FetchLimits {
  /** Of the map as it is read, decompressed. */
  readonly maxBytes: number
  /** Until the head of an answer, and between two pieces of it. */
  readonly silenceMs: number
  /** Of one attempt as a whole, however slowly it drips. */
  readonly attemptMs: number
  readonly attempts: number
  /** The first wait between two attempts; it doubles. */
  readonly backoffMs: number
}

/** Contract 1.4; LiteLLM's map has 1.5 MB. */
export const defaultLimits: FetchLimits = {
  maxBytes: 50 * 1024 * 1024,
  silenceMs: 5_000,
  attemptMs: 20_000,
  attempts: 3,
  backoffMs: 1_000,
}

const mostRedirects = 5
const longestRetryAfterMs = 30_000
const repeated: ReadonlySet<number> = new Set([429, 500, 502, 503, 504])

/** Worth another attempt. */
class Passing extends MapRefused {
  readonly retryAfterMs: number | undefined

  constructor(message: string, retryAfterMs?: number) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * Reads a price map from where it is published: `https:`, `http:`, `file:`, or a public object at `s3://bucket/key`.
 * Bounded in time and bytes whatever the other side does; a redirect of a public address never leads to a private one.
 * @param known of what is in use, so that the same version is not sent again
 * @throws MapRefused with a reason that names what went wrong
 */
export async function fetchMap(
  url: string,
  known: Validators,
  limits: FetchLimits,
  tools: { readonly sleep: (ms: number) => Promise<void>; readonly random: () => number },
): Promise<Fetched> {
  const target = targetOf(url)
  if (target.protocol === 'file:') return readFile(target, limits)
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fetchOnce(target, known, limits)
    } catch (error) {
      if (!(error instanceof Passing)) throw error
      if (attempt >= limits.attempts) throw new MapRefused(`${error.message} (${attempt} attempts)`)
      const waitMs = error.retryAfterMs ?? limits.backoffMs * (2 ** (attempt - 1) + tools.random())
      await tools.sleep(Math.min(waitMs, longestRetryAfterMs))
    }
  }
}

/** @throws MapRefused for what is no address of a price map */
export function targetOf(url: string): URL {
  const parsed = URL.parse(url)
  if (parsed === null) throw new MapRefused('its URL is not valid')
  if (parsed.protocol === 's3:') {
    return new URL(`https://${parsed.hostname}.s3.amazonaws.com${parsed.pathname}`)
  }
  if (!['http:', 'https:', 'file:'].includes(parsed.protocol)) {
    throw new MapRefused(`its URL begins with ${parsed.protocol}, not with https:, http:, file: or s3:`)
  }
  return parsed
}

async function fetchOnce(first: URL, known: Validators, limits: FetchLimits): Promise<Fetched> {
  const deadline = new AbortController()
  const timer = setTimeout(() => {
    deadline.abort(new Passing(`it did not come whole within ${limits.attemptMs / 1000} s`))
  }, limits.attemptMs)
  try {
    let url = first
    let firstWasPublic = false
    for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
      const response = await ask(url, known, firstWasPublic, limits, deadline.signal)
      if (redirects === 0) firstWasPublic = !isPrivateAddress(response.socket.remoteAddress ?? '')
      const status = response.statusCode ?? 0
      const location = response.headers.location
      if (status >= 300 && status < 400 && status !== 304 && location !== undefined) {
        response.destroy()
        url = redirected(url, location)
        continue
      }
      return await answerOf(response, status, limits, deadline.signal)
    }
    throw new MapRefused(`it is redirected more than ${mostRedirects} times`)
  } catch (error) {
    throw deadline.signal.aborted && deadline.signal.reason instanceof Error ? deadline.signal.reason : error
  } finally {
    clearTimeout(timer)
  }
}

function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from.href)
  if (to === null || !['http:', 'https:'].includes(to.protocol)) {
    throw new MapRefused('it is redirected to something that is not https: or http:')
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new MapRefused('it is redirected from https: to http:')
  }
  return to
}

function ask(
  url: URL,
  known: Validators,
  onlyPublic: boolean,
  limits: FetchLimits,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (onlyPublic && isIP(host) !== 0 && isPrivateAddress(host)) throw redirectedInside(host)
  return new Promise((resolve, reject) => {
    const { request: send } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http')
    const request = send(url, {
      method: 'GET',
      agent: false,
      signal,
      timeout: limits.silenceMs,
      maxHeaderSize: 65_536,
      headers: {
        accept: 'application/json, text/plain;q=0.9',
        'accept-encoding': 'gzip, br',
        'user-agent': 'midflight',
        ...(known.etag === undefined ? {} : { 'if-none-match': known.etag }),
        ...(known.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified }),
      },
      ...(onlyPublic ? { lookup: publicLookup } : {}),
    })
    request.on('timeout', () => request.destroy(silent(limits)))
    request.on('error', (error) => reject(failureOf(error, { host: url.host })))
    request.on('response', resolve)
    request.end()
  })
}

async function answerOf(
  response: IncomingMessage,
  status: number,
  limits: FetchLimits,
  signal: AbortSignal,
): Promise<Fetched> {
  if (status === 304) {
    response.destroy()
    return { type: 'unchanged' }
  }
  if (status !== 200) {
    response.destroy()
    const message = `its server answered ${status}`
    if (!repeated.has(status)) throw new MapRefused(message)
    throw new Passing(message, retryAfterMs(response.headers['retry-after']))
  }
  const bytes = await readBody(response, limits, signal)
  const { etag, 'last-modified': lastModified } = response.headers
  return {
    type: 'fetched',
    bytes,
    validators: {
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    },
  }
}

async function readBody(
  response: IncomingMessage,
  limits: FetchLimits,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = Number(response.headers['content-length'] ?? 0)
  if (declared > limits.maxBytes) {
    response.destroy()
    throw tooLarge(limits)
  }
  const body = decoded(response)
  const chunks: Buffer[] = []
  let length = 0
  try {
    // Destroying the body when the loop is left destroys what feeds it.
    for await (const chunk of body) {
      signal.throwIfAborted()
      // Streams of bytes only, no encoding is set.
      const piece = chunk as Buffer
      length += piece.length
      if (length > limits.maxBytes) throw tooLarge(limits)
      chunks.push(piece)
    }
  } catch (error) {
    throw failureOf(error, { response })
  } finally {
    response.destroy()
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

function decoded(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (encoding === '' || encoding === 'identity') return response
  const decoder =
    encoding === 'gzip' || encoding === 'x-gzip'
      ? createGunzip()
      : encoding === 'br'
        ? createBrotliDecompress()
        : encoding === 'deflate'
          ? createInflate()
          : undefined
  if (decoder === undefined) throw new MapRefused('it is compressed in a way that was not asked for')
  response.on('error', (error) => decoder.destroy(error))
  response.pipe(decoder)
  return decoder
}

function tooLarge({ maxBytes }: FetchLimits): MapRefused {
  return new MapRefused(`it has more than ${Math.round(maxBytes / 1024 / 1024)} MB`)
}

function silent({ silenceMs }: FetchLimits): Passing {
  return new Passing(`its server was silent for ${silenceMs / 1000} s`)
}

function redirectedInside(host: string): MapRefused {
  return new MapRefused(`it is redirected to ${host}, a private address`)
}

/** The reason in words that are fit for an answer; only codes of the system are quoted. */
function failureOf(error: unknown, { response, host }: { response?: IncomingMessage; host?: string }): Error {
  if (error instanceof MapRefused) return error
  if (!(error instanceof Error)) return new MapRefused('it could not be fetched')
  if (error instanceof PrivateAddress) return new MapRefused(`it is redirected to a private address: ${error.message}`)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  if (code.startsWith('Z_') || code.startsWith('ERR__ERROR') || code.startsWith('ERR_BROTLI')) {
    return new MapRefused('it cannot be decompressed')
  }
  if (response !== undefined || code === 'ECONNRESET')
    return new Passing(`the connection was lost in the middle (${code})`)
  return new Passing(`its server${host === undefined ? '' : ` ${host}`} cannot be reached (${code})`)
}

function retryAfterMs(header: string | undefined): number | undefined {
  const seconds = Number(header)
  return header !== undefined && seconds >= 0 ? seconds * 1000 : undefined
}

async function readFile(url: URL, limits: FetchLimits): Promise<Fetched> {
  let file: FileHandle | undefined
  try {
    file = await open(fileURLToPath(url))
    const { size } = await file.stat()
    if (size > limits.maxBytes) throw tooLarge(limits)
    const bytes = new Uint8Array(await file.readFile())
    if (bytes.length > limits.maxBytes) throw tooLarge(limits)
    return { type: 'fetched', bytes, validators: {} }
  } catch (error) {
    if (error instanceof MapRefused) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'its name is not valid'
    throw new MapRefused(`the file cannot be read (${code})`)
  } finally {
    await file?.close()
  }
}
