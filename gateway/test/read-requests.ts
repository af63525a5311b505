import type { RequestStart } from '../src/lib/http-server/request-reader.ts'
import { RequestReader } from '../src/lib/http-server/request-reader.ts'

/** A request that was read to its end. */
export interface WholeRequest extends RequestStart {
  /** A character for each byte. */
  readonly body: string
}

export interface ReadRequests {
  readonly requests: readonly WholeRequest[]
  /** What ended the reading before the bytes did. */
  readonly error: Error | undefined
  /** A request has begun whose end has not come. */
  readonly open: boolean
}

/**
 * Reads as a connection does: all requests up to the last that wants to be followed.
 * @param text a character for each byte
 * @param cuts where it is split, ascending
 */
export function readRequests(text: string, cuts: readonly number[] = []): ReadRequests {
  const reader = new RequestReader()
  const requests: WholeRequest[] = []
  const body: Buffer[] = []
  let start: RequestStart | undefined
  let from = 0
  const take = (bytes: Buffer): void => {
    if (reader.inBody) body.push(reader.readBody(bytes, 0))
    else start = reader.readHead(bytes, 0)
    if (!reader.over || start === undefined) return
    requests.push({ ...start, body: Buffer.concat(body.splice(0)).toString('latin1') })
    if (start.keepsAlive) reader.reset()
  }
  try {
    for (const end of [...cuts, text.length]) {
      let held = Buffer.from(text.slice(from, end), 'latin1')
      from = end
      while (held.length > 0 && !reader.over) {
        take(held)
        held = held.subarray(reader.position)
      }
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { requests, error, open: true }
  }
  return { requests, error: undefined, open: reader.begun || reader.inBody }
}

/** Every place between two bytes. */
export function everyCut(text: string): number[] {
  return Array.from(text.slice(1), (_, index) => index + 1)
}
