import { hash } from 'node:crypto'
import { ownText } from '../lib/own-text.ts'

/**
 * SHA-256 of callers' keys, in hexadecimal. The one a connection sent last is remembered with it and forgotten when it closes: clients
 * send the same key with each request, and hashing it anew costs 4 µs of a call of 60, most of them in what it pushes out of the
 * processor's caches. It is found by the engine's own seeded hash of strings, so time tells nothing about how far another key agrees with it.
 */
export class KeyDigests {
  readonly #last = new WeakMap<object, Map<string, string>>()

  /** @param connection what the key came on */
  of(key: string, connection: object): string {
    const known = this.#last.get(connection)
    const found = known?.get(key)
    if (found !== undefined) return found
    const digest = hash('sha256', key)
    const only = known ?? new Map<string, string>()
    only.clear()
    // Not the request's head with it.
    only.set(ownText(key), digest)
    if (known === undefined) this.#last.set(connection, only)
    return digest
  }
}
