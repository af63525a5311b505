import { isDeepStrictEqual } from 'node:util'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import { isObject } from '../../lib/json.ts'
import { masked } from './masking.ts'

/**
 * Where the bodies of records may hold somebody's secrets: how calls are logged, and settings of a router or a secret manager. What
 * else callers write into `metadata` is theirs and is shown as it is.
 */
const atTop = ['router_settings', 'config', 'permissions', 'object_permission'] as const
const inMetadata = ['logging', 'callback_settings', 'secret_manager_settings'] as const

/** A body fit to be shown. */
export function shownBody(body: JsonObject): JsonObject {
  const { metadata } = body
  return {
    ...maskedAt(body, atTop),
    ...(isObject(metadata) ? { metadata: maskedAt(metadata, inMetadata) } : {}),
  }
}

/**
 * A client reads a row, changes something else and sends all of it back: what it was shown masked is not to replace the secret.
 * @param before the stored body
 */
export function withoutMasks(sent: JsonObject, before: JsonObject): JsonObject {
  const restored = unmaskedAt(sent, before, atTop)
  const { metadata } = restored
  if (!isObject(metadata) || !isObject(before.metadata)) return restored
  return { ...restored, metadata: unmaskedAt(metadata, before.metadata, inMetadata) }
}

function maskedAt(body: JsonObject, names: readonly string[]): JsonObject {
  const found = names.filter((name) => body[name] !== undefined && body[name] !== null)
  if (found.length === 0) return body
  return { ...body, ...Object.fromEntries(found.map((name) => [name, maskedPlace(name, body[name])])) }
}

function unmaskedAt(sent: JsonObject, before: JsonObject, names: readonly string[]): JsonObject {
  const same = names.filter(
    (name) => isKept(before[name]) && isDeepStrictEqual(sent[name], maskedPlace(name, before[name])),
  )
  return same.length === 0 ? sent : { ...sent, ...Object.fromEntries(same.map((name) => [name, before[name]])) }
}

function isKept(value: JsonValue | undefined): value is JsonValue {
  return typeof value === 'object' && value !== null
}

/** Under `callback_vars` everything is a secret: each service has names of its own. */
function maskedPlace(name: string, value: JsonValue | undefined): JsonValue {
  const [shown] = Object.values(masked({ [name]: withSection(value ?? null) }))
  return shown === undefined ? null : withoutSection(shown)
}

/** The masking rule knows `callback_settings` as a section of secrets; `callback_vars` is the same. */
function withSection(value: JsonValue): JsonValue {
  return renamed(value, 'callback_vars', 'callback_settings')
}

function withoutSection(value: JsonValue): JsonValue {
  return renamed(value, 'callback_settings', 'callback_vars')
}

function renamed(value: JsonValue, from: string, to: string): JsonValue {
  if (Array.isArray(value)) return value.map((item) => renamed(item, from, to))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key === from ? to : key, renamed(item ?? null, from, to)]),
  )
}
