import { writeJson } from '../../core/body-fields.ts'
import { GatewayError } from '../../core/errors.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import type { Report } from './report.ts'

/**
 * A JSON Schema in the part of the language that Anthropic's structured outputs and strict tools accept; the rest is a
 * 400 there. Objects are closed, and a constraint without an equal (`maximum`, `minLength`, …) moves into the
 * description, where the model reads it though nothing enforces it.
 * @param path of the schema in the normal form, for the warning
 * @throws `invalid_request` when the schema nests deeper than 200
 * Source: Anthropic, structured outputs, JSON Schema limitations (2026-11).
 */
export function fitSchema(schema: JsonObject, path: string, report: Report): JsonObject {
  const changes: Changes = { closed: false, described: new Set() }
  const fitted = fitNode(schema, 0, changes, path)
  const details = [
    ...(changes.closed ? ['objects are closed with `additionalProperties: false`'] : []),
    ...(changes.described.size > 0 ? [`only described to the model: ${[...changes.described].join(', ')}`] : []),
  ]
  if (details.length > 0) report.changed(path, details.join('; '))
  return fitted
}

interface Changes {
  closed: boolean
  readonly described: Set<string>
}

const maxDepth = 200
const formats = new Set('date-time time date duration email hostname uri ipv4 ipv6 uuid'.split(' '))
/** Constrain nothing, so nothing is lost without them. */
const annotations = new Set([
  '$schema',
  '$id',
  '$comment',
  '$anchor',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
])
const kept = new Set('type title description enum const default required $ref'.split(' '))
const schemaMaps = new Set(['properties', '$defs', 'definitions'])
const schemaLists = new Set(['anyOf', 'allOf'])

function fitNode(node: JsonObject, depth: number, changes: Changes, path: string): JsonObject {
  if (depth > maxDepth) {
    throw new GatewayError('invalid_request', `the schema in \`${path}\` nests deeper than ${maxDepth}`, {
      param: path,
    })
  }
  const fit = (value: JsonValue): JsonValue => (isObject(value) ? fitNode(value, depth + 1, changes, path) : value)
  const out: Record<string, JsonValue> = {}
  const described: string[] = []
  for (const [key, value] of Object.entries(node)) {
    if (value === undefined || annotations.has(key) || key === 'additionalProperties') continue
    if (kept.has(key)) out[key] = value
    else if (schemaMaps.has(key) && isObject(value)) out[key] = mapValues(value, fit)
    else if (schemaLists.has(key) && Array.isArray(value)) out[key] = value.map(fit)
    else if (key === 'items' && isObject(value)) out[key] = fit(value)
    else if (key === 'oneOf' && Array.isArray(value) && node.anyOf === undefined) out.anyOf = value.map(fit)
    else if (isAccepted(key, value)) out[key] = value
    else described.push(key)
  }
  if (isObjectNode(node)) {
    if (node.additionalProperties !== false) changes.closed = true
    out.additionalProperties = false
  }
  for (const key of described) changes.described.add(key)
  if (described.length === 0) return out
  const notes = described.map((key) => `${key}: ${writeJson(node[key] ?? null, path)}`).join(', ')
  return { ...out, description: typeof node.description === 'string' ? `${node.description} (${notes})` : notes }
}

function isObjectNode(node: JsonObject): boolean {
  if (node.type === 'object' || isObject(node.properties)) return true
  return Array.isArray(node.type) && node.type.includes('object')
}

function isAccepted(key: string, value: JsonValue): boolean {
  if (key === 'format') return typeof value === 'string' && formats.has(value)
  if (key === 'minItems') return value === 0 || value === 1
  // Look-around, word boundaries and back references are beyond Anthropic's grammar.
  return key === 'pattern' && typeof value === 'string' && !/\(\?[=!<]|\\[bB1-9]/.test(value)
}

function mapValues(object: JsonObject, change: (value: JsonValue) => JsonValue): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, value === undefined ? undefined : change(value)]),
  )
}
