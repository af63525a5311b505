import { optional, readObject } from '../../core/body-fields.ts'
import type { OutputFormat } from '../../core/chat.ts'
import type { JsonObject } from '../../lib/json.ts'
import { field } from '../gemini-wire/fields.ts'
import { schemaToJsonSchema, withoutDraft } from './schema.ts'

const json = 'application/json'

/** Fields of `generationConfig`. Gemini keeps to the schema always, so `strict` asks for nothing more; `name` has no use there. */
export function encodeOutputFormat(format: OutputFormat | undefined): JsonObject {
  switch (format?.type) {
    case undefined:
    case 'text':
      return {}
    case 'json':
      return { responseMimeType: json }
    case 'json-schema': {
      const described = format.description === undefined ? {} : { description: format.description }
      return { responseMimeType: json, responseJsonSchema: { ...described, ...withoutDraft(format.schema) } }
    }
    default:
      return format satisfies never
  }
}

/** Names of the `generationConfig` that `decodeOutputFormat` reads, as far as the format is JSON or text. */
export const formatWords = ['responseMimeType', 'responseJsonSchema', 'responseSchema']

/** @returns `undefined` for a format that only Gemini has (`text/x.enum`) and where none is asked for */
export function decodeOutputFormat(config: JsonObject, path: string): OutputFormat | undefined {
  const type = field(config, 'responseMimeType')
  if (type === 'text/plain') return { type: 'text' }
  if (type !== json) return undefined
  const jsonSchema = optional(readObject, field(config, 'responseJsonSchema'), `${path}.responseJsonSchema`)
  const schema = optional(readObject, field(config, 'responseSchema'), `${path}.responseSchema`)
  const found = jsonSchema ?? (schema === undefined ? undefined : schemaToJsonSchema(schema))
  // The other dialects require a name for what Gemini leaves nameless.
  return found === undefined ? { type: 'json' } : { type: 'json-schema', name: 'response', schema: found }
}
