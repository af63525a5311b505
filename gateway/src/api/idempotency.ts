import { hash, randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChangeOptions } from '../core/change.ts'
import { type Claim, type Claimed, type Claims, inProgress } from '../core/claim.ts'
import { GatewayError } from '../core/errors.ts'
import { headerOf } from '../lib/http1/head-fields.ts'
import { isObject } from '../lib/json.ts'
import type { AdminReply } from './admin-route.ts'
import type { Exchange } from './route.ts'

const keptMs = 24 * 60 * 60 * 1000
const longestKey = 255

/** A process that is not heard of for so long has died, or stood still and finds its claim taken. */
const holdMs = 4_000
const heardEveryMs = 1_000
/** More than a claim of the dead is held, so that a try after a crash gets its turn. */
const longestWaitMs = 6_000
const pauses = { firstMs: 20, longestMs: 250 }

export interface AnswersOptions {
  readonly claims: Claims
  /** Told of a claim or an answer that could not be kept: the answer was given all the same. */
  readonly onUnkept: (error: unknown) => void
}

/**
 * Requests with an `Idempotency-Key`, on all replicas: one try at a time, and its answer kept for a day. A client that did not get
 * the answer sends the request again and gets the same one. Every change is kept by its own commit (`Changes`), so the answer of a
 * try that died after it is made again from that. What was refused changed nothing and is simply tried again.
 */
export class Answers {
  readonly #options: AnswersOptions

  constructor(options: AnswersOptions) {
    this.#options = options
  }

  /**
   * Answers once for each key of a caller.
   * @param make has to make its changes with these options
   * @throws GatewayError `idempotency_mismatch` when the key was used for another request, `idempotency_in_progress` when another try
   *   of it takes longer than this one waits
   */
  async once(
    exchange: Exchange,
    sent: unknown,
    make: (options: Pick<ChangeOptions, 'claimed'>) => Promise<AdminReply | 'sent'>,
  ): Promise<AdminReply | 'sent'> {
    const given = headerOf(exchange.http.request.fields, 'idempotency-key')
    if (given === undefined || exchange.head.method === 'GET') return make({})
    if (given === '' || given.length > longestKey) {
      throw new GatewayError('invalid_request', `Idempotency-Key has to have 1 to ${longestKey} characters.`, {
        param: 'Idempotency-Key',
      })
    }
    const { principal, head } = exchange
    const claim: Claim = {
      // A key is its caller's own: nobody is shown what was answered to another.
      key: digest([principal?.key?.id ?? '', principal?.userId ?? '', given]),
      fingerprint: digest([head.method, head.path, head.query, sent]),
      owner: randomUUID(),
    }
    const claimed = await this.#take(claim)
    if (claimed.state === 'answered') {
      const { head, body } = parseKept(claimed.answer.body)
      return replayed({ status: claimed.answer.status, body, head })
    }
    const { made } = claimed
    let changes = 0
    const reply = await this.#holding(claim, () =>
      make({
        claimed() {
          const number = changes
          changes += 1
          return { claim, number, made: made.get(number) }
        },
      }),
    )
    return made.size === 0 || reply === 'sent' ? reply : replayed(reply)
  }

  async #take(claim: Claim): Promise<Exclude<Claimed, { state: 'held' | 'mismatch' }>> {
    const until = performance.now() + longestWaitMs
    for (let pauseMs = pauses.firstMs; ; pauseMs = Math.min(pauseMs * 2, pauses.longestMs)) {
      const claimed = await this.#options.claims.take(claim, { holdMs, keepMs: keptMs })
      if (claimed.state === 'mismatch') throw mismatch()
      if (claimed.state !== 'held') return claimed
      if (performance.now() + pauseMs > until) throw inProgress()
      await sleep(pauseMs)
    }
  }

  /** Holds the claim while the reply is made; then keeps a success, and lets go of anything else. */
  async #holding(claim: Claim, make: () => Promise<AdminReply | 'sent'>): Promise<AdminReply | 'sent'> {
    const { claims, onUnkept } = this.#options
    const held = setInterval(() => claims.hold(claim, holdMs).catch(onUnkept), heardEveryMs)
    let isKept = false
    try {
      const reply = await make()
      // What is sent as it is made (an export, a stream) is made anew each time.
      if (reply !== 'sent' && (reply.status ?? 200) < 300) {
        const { status = 200, head = [], body = null } = reply
        await claims.answer(claim, { status, body: JSON.stringify({ head, body }) }, keptMs).then(() => {
          isKept = true
        }, onUnkept)
      }
      return reply
    } finally {
      clearInterval(held)
      if (!isKept) await claims.release(claim).catch(onUnkept)
    }
  }
}

function replayed(reply: AdminReply): AdminReply {
  return { ...reply, head: [...(reply.head ?? []), 'idempotency-replayed', 'true'] }
}

function parseKept(text: string): Required<Pick<AdminReply, 'head' | 'body'>> {
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
