import type { Buffer } from 'node:buffer'
import { plainCharacter } from '../lib/json.ts'
import { ownText } from '../lib/own-text.ts'

const characters = `${plainCharacter}{1,128}`
const wholeId = new RegExp(`^${characters}$`)
const firstId = new RegExp(`"id"\\s*:\\s*"(${characters})"`)
const headBytes = 256

/**
 * The id that is told in the first words of an answer, or of a stream in one of its first events, in OpenAI's or Anthropic's dialect:
 * there it stands near the beginning, before whatever else has an id. @returns '' where there is none
 */
export function answerIdIn(bytes: Buffer | string): string {
  const head = typeof bytes === 'string' ? bytes.slice(0, headBytes) : bytes.toString('latin1', 0, headBytes)
  return ownText(firstId.exec(head)?.[1] ?? '')
}

/** What an answer has where its id stands. @returns '' for what is none */
export function asAnswerId(value: unknown): string {
  return typeof value === 'string' && wholeId.test(value) ? value : ''
}
