import type { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { refusal } from '../refusals.ts'

/** The id of a key: lower-case hex SHA-256 of all of it, `sk-` included. */
export function tokenOf(key: string): string {
  return hash('sha256', key)
}

/** Every management route takes the key itself or its hash (contract 3.2). */
export function tokenOfEither(keyOrHash: string): string {
  return keyOrHash.startsWith('sk-') ? tokenOf(keyOrHash) : keyOrHash.toLowerCase()
}

/** Whether a text can be a key or the hash of one. */
export function isKeyOrHash(text: string): boolean {
  return text.startsWith('sk-') || /^[0-9a-f]{64}$/i.test(text)
}

/** `sk-...abcd` */
export function shownKey(key: string): string {
  return `sk-...${key.slice(-4)}`
}

export function newKey(randomBytes: (count: number) => Buffer, bytes: number): string {
  return `sk-${randomBytes(bytes).toString('base64url')}`
}

/** Of the `sk-` and 13 more: shorter ones are found by trying. */
const shortestKey = 16
const longestKey = 512

/** @throws GatewayError (400) for a value that no caller could send, or anybody could guess */
export function checkCustomKey(key: string): void {
  if (!key.startsWith('sk-')) {
    throw refusal(
      400,
      `Invalid key format. LiteLLM Virtual Key must start with 'sk-'. Received: ${key.length < 12 ? '****' : `${key.slice(0, 4)}****`}`,
      'bad_request_error',
      'key',
    )
  }
  if (key.length < shortestKey || key.length > longestKey || !/^[\x21-\x7e]+$/.test(key)) {
    throw refusal(
      400,
      `Invalid key format. A key has ${shortestKey} to ${longestKey} visible ASCII characters, so that it fits a header and cannot be guessed.`,
      'bad_request_error',
      'key',
    )
  }
}
