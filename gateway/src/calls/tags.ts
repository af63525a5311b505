import type { Principal } from '../core/principal.ts'
import { isObject, type JsonObject, type JsonValue } from '../lib/json.ts'

/** Of one call; as many as its row has. Those beyond neither count nor limit. */
const mostTags = 50

const none: readonly string[] = Object.freeze([])

/** Tags that a request names (contract 4.3, 4.7). @param header of `x-litellm-tags`, separated by commas */
export function tagsOfRequest({ metadata, litellm_metadata: ours, tags }: JsonObject, header: string | undefined) {
  if (metadata === undefined && ours === undefined && tags === undefined && header === undefined) return none
  const ofHeader = header === undefined ? none : header.split(',').map((tag) => tag.trim())
  const all = [...ofHeader, ...namesIn(tags), ...tagsIn(metadata), ...tagsIn(ours)].filter((tag) => tag !== '')
  return all.length === 0 ? none : all
}

/** Whether a request says anything of tags, however it is meant. */
export function namesTags({ metadata, litellm_metadata: ours, tags }: JsonObject, header: string | undefined): boolean {
  if (tags !== undefined || header !== undefined) return true
  return (isObject(metadata) && metadata.tags !== undefined) || (isObject(ours) && ours.tags !== undefined)
}

function tagsIn(metadata: JsonValue | undefined): readonly string[] {
  return isObject(metadata) ? namesIn(metadata.tags) : none
}

function namesIn(tags: JsonValue | undefined): readonly string[] {
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : none
}

/** Tags of a request, of its key and of its team, each once. However many the request names, the other two are among them. */
export function allTags(named: readonly string[], { key, team }: Principal): readonly string[] {
  const ofKey = key?.tags ?? none
  const ofTeam = team?.tags ?? none
  if (named.length === 0 && ofTeam.length === 0) return ofKey
  const own = new Set([...ofKey, ...ofTeam])
  const others = new Set(named.filter((tag) => !own.has(tag)))
  return [...[...others].slice(0, Math.max(0, mostTags - own.size)), ...own].slice(0, mostTags)
}
