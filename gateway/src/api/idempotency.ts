import { hash } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'
import type { Store } from '../core/store.ts'
import { isObject } from '../lib/json.ts'
import type { AdminReply } from './admin-route.ts'
import type { Exchange } from './route.ts'

const keptMs = 24 * 60 * 60 * 1000
const longestKey = 255

type KeptReply = Required<Pick<AdminReply, 'status' | 'head'>> & { readonly body: unknown }

export interface AnswersOptions {
  readonly store: Pick<Store, 'remembered' | 'remember'>
  /** Told of an answer that could not be kept: it was given all the same. */
  readonly onUnkept: (error: unknown) => void
}

/**
 * What was answered to requests with an `Idempotency-Key`, kept for a day: a client that did not get the answer sends the request
 * again and gets the same one. Only successes are kept; what was refused changed nothing and is simply tried again.
 */
export class Answers {
  readonly #options: AnswersOptions
  /** Requests under way, so that a second one of the same key waits for the first. */
  readonly #underWay = new Map<string, Promise<unknown>>()

  constructor(options: AnswersOptions) {
    this.#options = options
  }

  /**
   * Answers once for each key of a caller.
   * @throws GatewayError `idempotency_mismatch` when the key was used for another request
   */
  async once(exchange: Exchange, sent: unknown, make: () => Promise<AdminReply>): Promise<AdminReply> {
    const given = exchange.request.headers['idempotency-key']
    if (typeof given !== 'string' || exchange.head.method === 'GET') return make()
    if (given === '' || given.length > longestKey) {
      throw new GatewayError('invalid_request', `Idempotency-Key has to have 1 to ${longestKey} characters.`, {
        param: 'Idempotency-Key',
      })
    }
    const { principal, head } = exchange
    // A key is its caller's own: nobody is shown what was answered to another.
    const key = digest([principal?.key?.id ?? '', principal?.userId ?? '', given])
    const fingerprint = digest([head.method, head.path, head.query, sent])
    while (this.#underWay.has(key)) await this.#underWay.get(key)
    const work = this.#onceOnly(key, fingerprint, make)
    const settled = work.then(
      () => undefined,
      () => undefined,
    )
    this.#underWay.set(key, settled)
    try {
      return await work
    } finally {
      this.#underWay.delete(key)
    }
  }

  async #onceOnly(key: string, fingerprint: string, make: () => Promise<AdminReply>): Promise<AdminReply> {
    const { store, onUnkept } = this.#options
    const known = await store.remembered(key)
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint) throw mismatch()
      const { head, body } = parseKept(known.body)
      return { status: known.status, body, head: [...head, 'idempotency-replayed', 'true'] }
    }
    const reply = await make()
    const status = reply.status ?? 200
    if (status < 300) {
      const kept = JSON.stringify({ head: reply.head ?? [], body: reply.body ?? null })
      await store.remember(key, { fingerprint, status, body: kept }, keptMs).catch(onUnkept)
    }
    return reply
  }
}

function parseKept(text: string): Pick<KeptReply, 'head' | 'body'> {
  const value: unknown = JSON.parse(text)
  if (!isObject(value) || !Array.isArray(value.head)) throw new Error('a kept answer is not as it was written')
  return { head: value.head.map(String), body: value.body }
}

function mismatch(): GatewayError {
  return new GatewayError(
    'idempotency_mismatch',
    'This Idempotency-Key was used for another request; take a new key for a new request.',
    { param: 'Idempotency-Key' },
  )
}

function digest(parts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parts))
}
