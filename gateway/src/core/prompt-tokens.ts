import { isObject, type JsonValue } from '../lib/json.ts'
import { textTokens } from './text-tokens.ts'

/** What surrounds a message. */
const perMessage = 4
/** An image of 1.15 megapixels; a longer text in its place is its bytes. */
const perMedia = 1_600
/** A longer text is looked at up to here and the rest is taken to be like it: a count must not hold up the event loop. */
const mostCharacters = 200_000

/**
 * An estimate of the tokens of a prompt in any dialect's words: texts by `textTokens`, media by a flat figure. Takes time
 * proportional to the text, up to a bound, so no text can hold up the process (tokenizers are worse than linear on some).
 */
export function promptTokens(prompt: JsonValue | undefined): number {
  let tokens = 0
  const open: (JsonValue | undefined)[] = [prompt]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value === 'string') tokens += boundedTokens(value)
    else if (typeof value === 'number' || typeof value === 'boolean') tokens += 1
    else if (Array.isArray(value)) for (const item of value) open.push(item)
    else if (isObject(value)) {
      if (typeof value.role === 'string') tokens += perMessage
      for (const [key, item] of Object.entries(value)) {
        if (isMedia(key, item)) tokens += perMedia
        else if (!notSpoken.has(key)) open.push(item)
      }
    }
  }
  return Math.ceil(tokens)
}

/** Tokens of a text of any length. */
export function boundedTokens(text: string): number {
  if (text.length <= mostCharacters) return textTokens(text)
  return (textTokens(text.slice(0, mostCharacters)) * text.length) / mostCharacters
}

/** Fields that say what a part is, and are not read by the model. */
const notSpoken: ReadonlySet<string> = new Set(['role', 'type', 'id', 'tool_call_id', 'cache_control', 'detail'])
const media: ReadonlySet<string> = new Set(['image_url', 'input_audio', 'file', 'inline_data', 'inlineData', 'source'])

function isMedia(key: string, value: JsonValue | undefined): boolean {
  return media.has(key) && (isObject(value) || (typeof value === 'string' && value.length > 0))
}
