import { isObject } from '../lib/json.ts'
import type { Call } from './call.ts'

/** Tags of the request (`metadata.tags`, `tags`) and of its key. */
export function tagsOf(call: Call): readonly string[] {
  const { metadata, tags } = call.body
  const asked = isObject(metadata) && metadata.tags !== undefined ? metadata.tags : tags
  const ofKey = call.principal.key?.tags ?? none
  if (!Array.isArray(asked)) return ofKey
  const named = asked.filter((tag): tag is string => typeof tag === 'string' && tag !== '')
  return [...new Set([...named, ...ofKey])]
}

const none: readonly string[] = []
