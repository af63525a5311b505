import { hash, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import type { Secret } from '../lib/secret.ts'
import type { KeyHeaders } from './request-head.ts'

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

/** Accepted keys that are remembered. A process sees few keys often; the rest is hashed each time. */
const rememberedKeys = 1_000

/** Checks callers' keys. Only digests are compared, in constant time. */
export class Authenticator {
  readonly #bootKey: Secret
  /** Digests of master keys by the secret they were made from: a changed key is a new secret. */
  readonly #digests = new WeakMap<Secret, Buffer>()
  /** Keys that were accepted, with the secret that accepted them: good for as long as that secret counts. */
  readonly #accepted = new Map<string, Secret>()

  /** @param bootKey counts while the configuration names no master key */
  constructor(bootKey: Secret) {
    this.#bootKey = bootKey
  }

  /** @throws GatewayError `key_missing`, `key_malformed` or `key_unknown`, with LiteLLM's messages (contract 3.7) */
  authenticate(keys: KeyHeaders, keyHeader: string | undefined, masterKey: Secret | undefined): Principal {
    const key = readKey(keys, keyHeader)
    const master = masterKey ?? this.#bootKey
    if (this.#accepted.get(key) === master) return administrator
    if (timingSafeEqual(digestOf(key), this.#digestOfMaster(master))) {
      if (this.#accepted.size >= rememberedKeys) this.#accepted.clear()
      this.#accepted.set(key, master)
      return administrator
    }
    if (!key.startsWith('sk-')) {
      throw new GatewayError(
        'key_malformed',
        `Authentication Error, LiteLLM Virtual Key expected. Received=${masked(key)}, expected to start with 'sk-'.`,
        { param: 'None' },
      )
    }
    throw new GatewayError(
      'key_unknown',
      `Authentication Error, Invalid proxy server token passed. Received API Key = ${masked(key)}, Key Hash (Token) =${hash('sha256', key)}. Unable to find token in cache or \`LiteLLM_VerificationTokenTable\``,
      { param: 'key' },
    )
  }

  #digestOfMaster(secret: Secret): Buffer {
    const known = this.#digests.get(secret)
    if (known !== undefined) return known
    const digest = digestOf(secret.reveal())
    this.#digests.set(secret, digest)
    return digest
  }
}

function digestOf(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

function readKey(keys: KeyHeaders, keyHeader: string | undefined): string {
  const own = keyHeader === undefined ? undefined : keys.other?.get(keyHeader)
  if (own !== undefined) return withoutBearer(own)
  for (const name of keyHeaders) {
    if (name === 'authorization') {
      if (keys.authorization !== undefined) return bearerOf(keys.authorization)
      continue
    }
    const value = keys.other?.get(name)
    if (value !== undefined) return withoutBearer(value)
  }
  throw new GatewayError('key_missing', 'Authentication Error, No api key passed in.', { param: 'None' })
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
