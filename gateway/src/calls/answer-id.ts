import type { Buffer } from 'node:buffer'
import { ownText } from '../lib/own-text.ts'

const headBytes = 256
const idText = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,128}$/
const firstId = /"id"\s*:\s*"([\x20\x21\x23-\x5b\x5d-\x7e]{1,128})"/

/**
 * The id of an answer, or of a stream in one of its first events, in the words that the caller is sent. In every dialect it stands near
 * the beginning, before whatever else has an id. @returns '' where there is none
 */
export function answerIdIn(bytes: Buffer | string): string {
  const head = typeof bytes === 'string' ? bytes.slice(0, headBytes) : bytes.toString('latin1', 0, headBytes)
  return ownText(firstId.exec(head)?.[1] ?? '')
}

/** The id of an answer that was found already. @returns '' for what is none */
export function asAnswerId(text: string | undefined): string {
  return text !== undefined && idText.test(text) ? text : ''
}
