import { hash } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import type { Settings } from '../core/settings.ts'
import type { Directory } from '../directory/directory.ts'
import { type Freshness, SharedChecks } from '../directory/freshness.ts'
import type { Clock } from '../lib/clock.ts'
import type { Secret } from '../lib/secret.ts'
import { refusalOf } from './caller-checks.ts'
import { KeyDigests } from './key-digests.ts'
import type { RequestHead } from './request-head.ts'
import type { Route } from './route.ts'
import { isGoogle } from './route-groups.ts'

/** Headers that may hold the key, in the order in which they count (contract 3.1); the operator's own comes first. */
const keyHeaders = [
  'x-litellm-api-key',
  'authorization',
  'api-key',
  'x-api-key',
  'x-goog-api-key',
  'ocp-apim-subscription-key',
]

/** Whoever has the master key (contract 3.1). */
const administrator: Principal = Object.freeze({
  role: 'proxy_admin',
  userId: 'default_user_id',
  key: undefined,
  user: undefined,
  team: undefined,
  member: undefined,
  organization: undefined,
})

export interface AuthenticatorOptions {
  /** Counts while the configuration names no master key. */
  readonly bootKey: Secret
  readonly clock: Clock
  /** Virtual keys; without it only the master key is known. */
  readonly directory?: Pick<Directory, 'principalOf'>
  readonly freshness?: Freshness
}

/** What of a configuration decides who is calling. */
export type KeySettings = Pick<Settings, 'masterKey' | 'keyHeader'>

/**
 * Stop 2: who is calling, and whether it may call this route at all. Only digests are compared, in constant time.
 *
 * Nobody is refused for what is merely not known here yet: before a refusal the store is asked whether anything has changed, once
 * for all who wait (issue #3, "Read-through"). While the store is away, known keys go on and unknown ones get a 503.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions
  readonly #checks: SharedChecks | undefined
  /** Digests of master keys by the secret they were made from: a changed key is a new secret. */
  readonly #digests = new WeakMap<Secret, string>()
  readonly #keyDigests = new KeyDigests()

  constructor(options: AuthenticatorOptions) {
    const { freshness, clock } = options
    this.#options = options
    this.#checks = freshness === undefined ? undefined : new SharedChecks(() => freshness.confirm(), clock)
  }

  /**
   * Answers at once for a caller that is known. Throws, or rejects with, GatewayError: the codes of contract 3.7, or
   * `store_unavailable` for a key of which nothing is known.
   * @param connection what the request came on
   */
  authenticate(
    head: RequestHead,
    route: Route,
    settings: KeySettings | undefined,
    connection: object,
  ): Principal | Promise<Principal> {
    const key = readKey(head, route, settings?.keyHeader)
    const id = this.#keyDigests.of(key, connection)
    if (sameDigest(id, this.#digestOfMaster(settings?.masterKey ?? this.#options.bootKey))) return administrator
    if (!key.startsWith('sk-')) {
      throw new GatewayError(
        'key_malformed',
        `Authentication Error, LiteLLM Virtual Key expected. Received=${masked(key)}, expected to start with 'sk-'.`,
        { param: 'None' },
      )
    }
    const { directory, freshness, clock } = this.#options
    if (directory === undefined) throw unknownKey(key, id)
    // Only while the store can be asked: without it, what is known counts.
    if (freshness?.leaseValid() === false && freshness.reachable()) return this.#confirmed(key, id, route, head.path)
    const principal = directory.principalOf(id)
    if (principal === undefined || principal instanceof Promise)
      return this.#lookedUp(principal, key, id, route, head.path)
    const refusal = refusalOf(principal, route, head.path, clock.wall())
    return refusal === undefined ? principal : this.#confirmed(key, id, route, head.path, refusal)
  }

  /** Resolves when everything that was committed before is known here. Rejects with `store_unavailable`. */
  async confirm(): Promise<void> {
    await this.#checks?.confirm()
  }

  async #lookedUp(
    looking: Promise<Principal | undefined> | undefined,
    key: string,
    id: string,
    route: Route,
    path: string,
  ): Promise<Principal> {
    const principal = await Promise.resolve(looking).catch(unreachable)
    if (principal === undefined) return this.#confirmed(key, id, route, path)
    const refusal = refusalOf(principal, route, path, this.#options.clock.wall())
    return refusal === undefined ? principal : this.#confirmed(key, id, route, path, refusal)
  }

  /** @param known why the caller is refused by what is known; `undefined`: nothing is known of it */
  async #confirmed(key: string, id: string, route: Route, path: string, known?: GatewayError): Promise<Principal> {
    try {
      await this.confirm()
    } catch (cause) {
      // A key that was blocked when the store was last heard is not let in because it is silent now.
      if (known !== undefined) throw known
      const remembered = await Promise.resolve(this.#options.directory?.principalOf(id)).catch(unreachable)
      if (remembered === undefined) return unreachable(cause)
      return permitted(remembered, route, path, this.#options.clock.wall())
    }
    const principal = await Promise.resolve(this.#options.directory?.principalOf(id)).catch(unreachable)
    if (principal === undefined) throw unknownKey(key, id)
    return permitted(principal, route, path, this.#options.clock.wall())
  }

  #digestOfMaster(secret: Secret): string {
    const known = this.#digests.get(secret)
    if (known !== undefined) return known
    const digest = hash('sha256', secret.reveal())
    this.#digests.set(secret, digest)
    return digest
  }
}

/** Takes the same time wherever they differ. As text, because a digest as a buffer costs six times the hashing (measured: 3 µs). */
function sameDigest(left: string, right: string): boolean {
  let difference = left.length ^ right.length
  for (let index = 0; index < right.length; index += 1) difference |= left.charCodeAt(index) ^ right.charCodeAt(index)
  return difference === 0
}

/** @throws GatewayError as `refusalOf` says */
function permitted(principal: Principal, route: Route, path: string, now: number): Principal {
  const refusal = refusalOf(principal, route, path, now)
  if (refusal !== undefined) throw refusal
  return principal
}

/** Whoever asks is nobody yet: where the store is, and how it fails, is not told. In LiteLLM's words (contract 3.7). */
function unreachable(cause: unknown): never {
  if (!(cause instanceof GatewayError) || cause.code !== 'store_unavailable') throw cause
  const { retryAfterMs } = cause
  throw new GatewayError(
    'store_unavailable',
    'Service Unavailable, the authentication database is temporarily unreachable. Please retry shortly.',
    { wire: { type: 'no_db_connection' }, cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  )
}

function unknownKey(key: string, id: string): GatewayError {
  return new GatewayError(
    'key_unknown',
    `Authentication Error, Invalid proxy server token passed. Received API Key = ${masked(key)}, Key Hash (Token) =${id}. Unable to find token in cache or \`LiteLLM_VerificationTokenTable\``,
    { param: 'key' },
  )
}

function readKey({ keys, query }: RequestHead, route: Route, keyHeader: string | undefined): string {
  const own = keyHeader === undefined ? undefined : keys.other?.get(keyHeader)
  if (own !== undefined) return withoutBearer(own)
  for (const name of keyHeaders) {
    if (name === 'authorization') {
      if (keys.authorization !== undefined) return bearerOf(keys.authorization)
      continue
    }
    const value = keys.other?.get(name)
    if (value !== undefined) return withoutBearer(value)
    // Google's clients put the key there; on other routes a key in a URL would only end up in logs.
    const inQuery = name === 'x-goog-api-key' && query !== '' && isGoogle(route) ? keyOfQuery(query) : undefined
    if (inQuery !== undefined) return inQuery
  }
  throw new GatewayError('key_missing', 'Authentication Error, No api key passed in.', { param: 'None' })
}

function keyOfQuery(query: string): string | undefined {
  return new URLSearchParams(query).get('key') || undefined
}

function bearerOf(authorization: string): string {
  const key = withoutBearer(authorization)
  if (key !== authorization && key !== '') return key
  throw new GatewayError(
    'key_malformed',
    `Authentication Error, Malformed API Key passed in. Ensure Key has \`Bearer \` prefix. Passed in: ${masked(authorization)}`,
    { param: 'None' },
  )
}

function withoutBearer(value: string): string {
  return /^bearer /i.test(value) ? value.slice('Bearer '.length).trim() : value
}

/** As LiteLLM shows keys: the last four characters of one long enough that they give nothing away. */
function masked(key: string): string {
  return key.length < 12 ? 'sk-...' : `sk-...${key.slice(-4)}`
}
