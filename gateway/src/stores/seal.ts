import { Buffer } from 'node:buffer'
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { JsonValue } from '../lib/json.ts'
import type { Secret } from '../lib/secret.ts'

/**
 * Seals secrets at rest: AES-256-GCM, the key derived from `LITELLM_SALT_KEY` with HKDF-SHA256. An envelope is
 * `midflight:1:<id of the key>:<base64url of nonce, ciphertext and tag>` and opens only in the place it was sealed for.
 */
export interface Seal {
  /** Of the key that seals; 12 hex digits that tell nothing about it. */
  readonly keyId: string
  /** @param place what the value belongs to, e.g. `deployment/gpt-4o/litellm_params`; an envelope copied elsewhere does not open */
  seal(value: JsonValue, place: string): string
  open(envelope: string, place: string): Opened
}

export type Opened = { readonly value: JsonValue } | { readonly reason: string }

const version = '1'
const nonceBytes = 12
const tagBytes = 16

interface SealKey {
  readonly id: string
  readonly bytes: Buffer
}

/** @param previous keys that still open what was sealed with them */
export function createSeal(current: Secret, previous: readonly Secret[] = []): Seal {
  const sealing = deriveKey(current)
  const opening = new Map([...previous.map(deriveKey), sealing].map((key) => [key.id, key]))
  return {
    keyId: sealing.id,
    seal(value, place) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', sealing.bytes, nonce)
      cipher.setAAD(Buffer.from(place))
      const sealed = Buffer.concat([
        nonce,
        cipher.update(JSON.stringify(value), 'utf8'),
        cipher.final(),
        cipher.getAuthTag(),
      ])
      return `midflight:${version}:${sealing.id}:${sealed.toString('base64url')}`
    },
    open(envelope, place) {
      const [label, itsVersion, keyId, payload, ...rest] = envelope.split(':')
      if (label !== 'midflight' || payload === undefined || rest.length > 0)
        return { reason: 'it is not a sealed value' }
      if (itsVersion !== version) return { reason: `it was sealed by a newer program (version ${itsVersion})` }
      const key = opening.get(keyId ?? '')
      if (key === undefined) return { reason: `it was sealed with another key (${keyId})` }
      const sealed = Buffer.from(payload, 'base64url')
      if (sealed.length < nonceBytes + tagBytes) return { reason: 'it is damaged' }
      try {
        const decipher = createDecipheriv('aes-256-gcm', key.bytes, sealed.subarray(0, nonceBytes), {
          authTagLength: tagBytes,
        })
        decipher.setAAD(Buffer.from(place))
        decipher.setAuthTag(sealed.subarray(-tagBytes))
        const opened =
          decipher.update(sealed.subarray(nonceBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8')
        // It was made by JSON.stringify above, which the tag proves.
        return { value: JSON.parse(opened) as JsonValue }
      } catch {
        return { reason: 'it is damaged, or was sealed for another place' }
      }
    },
  }
}

function deriveKey(secret: Secret): SealKey {
  const derive = (purpose: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret.reveal(), '', `midflight ${purpose} ${version}`, bytes))
  return { id: derive('seal key id', 6).toString('hex'), bytes: derive('seal key', 32) }
}
