import { writeJson } from '../../core/body-fields.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'

/**
 * A tool call's arguments as the object that Gemini wants; no text is no arguments. A model may have been cut in the middle
 * of its JSON, and the conversation must go on: what is not an object goes inside one.
 */
export function readArguments(text: string): { readonly value: JsonObject; readonly isObject: boolean } {
  if (text.trim() === '') return { value: {}, isObject: true }
  const value = parse(text)
  return isObject(value) ? { value, isObject: true } : { value: { arguments: value ?? text }, isObject: false }
}

/**
 * What a tool answered, as `functionResponse.response`, which must be an object: an object that the tool wrote goes as it is,
 * anything else as `output`, a failure as `error` (Google's names). Text with a number of 16 digits or more stays text: Gemini
 * holds numbers as doubles and would change it, and such numbers are ids.
 */
export function writeResponse(text: string, isError: boolean): JsonObject {
  if (isError) return { error: text }
  const value = text.trimStart().startsWith('{') && !/\d{16}/.test(text) ? parse(text) : undefined
  return isObject(value) ? value : { output: text }
}

/** A caller's `functionResponse.response` as text. */
export function readResponse(response: JsonObject, path: string): { readonly text: string; readonly isError: boolean } {
  const [[name, value] = [], ...others] = Object.entries(response)
  const single = others.length === 0 && typeof value === 'string' ? value : undefined
  if (single !== undefined && name === 'error') return { text: single, isError: true }
  if (single !== undefined && (name === 'output' || name === 'result')) return { text: single, isError: false }
  return { text: writeJson(response, path), isError: false }
}

function parse(text: string): JsonValue | undefined {
  try {
    // JSON.parse returns JSON values and nothing else.
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}
