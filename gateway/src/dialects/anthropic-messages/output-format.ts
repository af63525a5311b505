import { writeJson } from '../../core/body-fields.ts'
import type { OutputFormat } from '../../core/chat.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import type { ModelTraits } from './model-traits.ts'
import type { Report } from './report.ts'
import { fitSchema } from './schema.ts'

/**
 * `output_config.format`, or `output_format` of the earlier beta.
 * @returns `undefined` for a kind of format that is newer than this dialect
 */
export function decodeOutputFormat(format: JsonValue | undefined): OutputFormat | undefined {
  if (!isObject(format) || format.type !== 'json_schema' || !isObject(format.schema)) return undefined
  return { type: 'json-schema', name: schemaName(format.schema.title), schema: format.schema }
}

/** Other dialects want a name where Anthropic has none; OpenAI's are 1 to 64 of these characters. */
function schemaName(title: JsonValue | undefined): string {
  return typeof title === 'string' && /^[\w-]{1,64}$/.test(title) ? title : 'response'
}

export interface EncodedFormat {
  /** `output_config.format`, where the model has structured outputs and the caller a schema. */
  readonly format?: JsonObject
  /** Text for the end of `system` that asks for what the API cannot enforce. */
  readonly instruction?: string
}

/** Anthropic has schemas but no bare JSON mode; older models have neither. What cannot be enforced is asked for. */
export function encodeOutputFormat(
  format: OutputFormat | undefined,
  traits: ModelTraits,
  report: Report,
): EncodedFormat {
  if (format === undefined || format.type === 'text') return {}
  if (format.type === 'json') {
    report.changed('outputFormat', 'asked for in the system text: Anthropic has no JSON mode without a schema')
    return {
      instruction: 'Answer with exactly one JSON object: no other text before or after it, and no Markdown fence.',
    }
  }
  if (traits.structuredOutputs) {
    return { format: { type: 'json_schema', schema: fitSchema(format.schema, 'outputFormat.schema', report) } }
  }
  report.changed('outputFormat', 'asked for in the system text: the model has no structured outputs')
  const about = format.description === undefined ? '' : ` It is: ${format.description}.`
  const schema = writeJson(format.schema, 'outputFormat.schema')
  return {
    instruction: `Answer with exactly one JSON value that fits the JSON Schema below: no other text before or after it, and no Markdown fence.${about}\n${schema}`,
  }
}
