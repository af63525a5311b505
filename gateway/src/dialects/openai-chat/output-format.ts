import { optional } from '../../core/body-fields.ts'
import type { OutputFormat } from '../../core/chat.ts'
import type { Report } from '../../core/report.ts'
import { type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import { invalid, readBoolean, readObject, readString } from '../openai-wire/fields.ts'
import { reportLeftOut } from '../openai-wire/report.ts'

const formatFields = new Set(['type', 'json_schema'])
const schemaFields = new Set(['name', 'schema', 'strict', 'description'])

/** `response_format`. */
export function decodeOutputFormat(value: JsonValue | undefined, report: Report): OutputFormat | undefined {
  const format = optional(readObject, value, 'response_format')
  if (format === undefined) return undefined
  reportLeftOut(format, formatFields, 'response_format', report)
  switch (format.type) {
    case 'text':
      return { type: 'text' }
    case 'json_object':
      return { type: 'json' }
    case 'json_schema':
      return decodeJsonSchema(readObject(format.json_schema, 'response_format.json_schema'), report)
    default:
      throw invalid('response_format.type', '"text", "json_object" or "json_schema"', format.type)
  }
}

function decodeJsonSchema(format: JsonObject, report: Report): OutputFormat {
  const path = 'response_format.json_schema'
  reportLeftOut(format, schemaFields, path, report)
  return {
    type: 'json-schema',
    name: readString(format.name, `${path}.name`),
    schema: readObject(format.schema, `${path}.schema`),
    ...present({
      strict: optional(readBoolean, format.strict, `${path}.strict`),
      description: optional(readString, format.description, `${path}.description`),
    }),
  }
}

export function encodeOutputFormat(format: OutputFormat): JsonObject {
  switch (format.type) {
    case 'text':
      return { type: 'text' }
    case 'json':
      return { type: 'json_object' }
    case 'json-schema': {
      const { name, schema, strict, description } = format
      return { type: 'json_schema', json_schema: { name, ...present({ description }), schema, ...present({ strict }) } }
    }
    default:
      return format satisfies never
  }
}
