import { isObject, type JsonValue } from '../lib/json.ts'
import type { InputUri } from './input.ts'

const environmentPrefix = 'os.environ/'

/** The input that a text refers to: `os.environ/NAME` or `file:/absolute/path`; `undefined` for a text that is itself. */
export function referenceOf(text: string): InputUri | undefined {
  if (text.startsWith(environmentPrefix) && text.length > environmentPrefix.length) {
    return `env:${text.slice(environmentPrefix.length)}`
  }
  return text.startsWith('file:/') ? `file:${text.slice('file:'.length)}` : undefined
}

/** Whether a reference is anywhere in it. */
export function holdsReference(value: JsonValue | undefined): boolean {
  if (typeof value === 'string') return referenceOf(value) !== undefined
  if (Array.isArray(value)) return value.some(holdsReference)
  if (!isObject(value)) return false
  for (const key in value) if (holdsReference(value[key])) return true
  return false
}
