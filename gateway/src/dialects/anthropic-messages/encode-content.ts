import { Buffer } from 'node:buffer'
import type { CacheControl, FilePart, ImagePart, MediaSource, TextPart, UserPart } from '../../core/chat.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { Report } from './report.ts'

/** Spread into a block. */
export function encodeCache(part: { readonly cache?: CacheControl }): JsonObject {
  if (part.cache === undefined) return {}
  const { ttl } = part.cache
  return { cache_control: { type: 'ephemeral', ...(ttl === undefined ? {} : { ttl }) } }
}

/** Nothing for text without a visible character, which Anthropic refuses with 400. */
export function encodeText(part: TextPart): readonly JsonObject[] {
  return /\S/.test(part.text) ? [{ type: 'text', text: part.text, ...encodeCache(part) }] : []
}

/** @param path of the part in the normal form, for warnings */
export function encodeUserPart(part: UserPart, path: string, report: Report): readonly JsonObject[] {
  switch (part.type) {
    case 'text':
      return encodeText(part)
    case 'image':
      return [encodeImage(part, path, report)]
    case 'file':
      return encodeFile(part, path, report)
    case 'audio':
      report.unsupported(path, 'audio')
      return []
    default:
      return part satisfies never
  }
}

function encodeImage(part: ImagePart, path: string, report: Report): JsonObject {
  if (part.detail === 'low' || part.detail === 'high') {
    report.changed(`${path}.detail`, 'left out: Anthropic chooses the resolution itself')
  }
  return { type: 'image', source: encodeSource(part.source), ...encodeCache(part) }
}

function encodeFile(part: FilePart, path: string, report: Report): readonly JsonObject[] {
  const source = part.source.type === 'base64' ? encodeBytes(part.source, path, report) : encodeReference(part.source)
  if (source === undefined) return []
  const isImage = part.source.type === 'base64' && part.source.mediaType.startsWith('image/')
  if (isImage) return [{ type: 'image', source, ...encodeCache(part) }]
  const title = part.name === undefined ? {} : { title: part.name }
  return [{ type: 'document', source, ...title, ...encodeCache(part) }]
}

function encodeReference(source: Exclude<FilePart['source'], { readonly type: 'base64' }>): JsonObject {
  return source.type === 'id' ? { type: 'file', file_id: source.id } : encodeSource(source)
}

/** Anthropic reads PDF, images and plain text; any other text goes as plain text, anything else not at all. */
function encodeBytes(
  source: Extract<MediaSource, { readonly type: 'base64' }>,
  path: string,
  report: Report,
): JsonObject | undefined {
  const { mediaType } = source
  if (mediaType === 'application/pdf' || mediaType.startsWith('image/')) return encodeSource(source)
  if (!mediaType.startsWith('text/') && !textTypes.has(mediaType)) {
    report.unsupported(path, `a file of type ${mediaType}`)
    return undefined
  }
  if (mediaType !== 'text/plain') report.changed(path, `${mediaType} is sent as text/plain`)
  return { type: 'text', media_type: 'text/plain', data: Buffer.from(source.data, 'base64').toString('utf8') }
}

const textTypes: ReadonlySet<string> = new Set([
  'application/json',
  'application/xml',
  'application/yaml',
  'application/x-yaml',
  'application/javascript',
])

function encodeSource(source: MediaSource): JsonObject {
  if (source.type === 'url') return encodeUrl(source.url)
  const mediaType = source.mediaType === 'image/jpg' ? 'image/jpeg' : source.mediaType
  return { type: 'base64', media_type: mediaType, data: source.data }
}

/** Anthropic fetches http(s) only; a `data:` URL holds the bytes itself. */
function encodeUrl(url: string): JsonObject {
  const comma = url.startsWith('data:') ? url.indexOf(',') : -1
  const header = url.slice('data:'.length, Math.max(comma, 0))
  if (comma === -1 || !header.endsWith(';base64')) return { type: 'url', url }
  const [mediaType = ''] = header.split(';')
  return encodeSource({ type: 'base64', mediaType, data: url.slice(comma + 1) })
}
