import { optional, readList, readObject, readString } from '../../core/body-fields.ts'
import type { CacheControl, ImagePart, TextPart, UserPart } from '../../core/chat.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import type { Report } from './report.ts'

type Decoded = { readonly cache?: CacheControl }

/** Spread into a part. An unknown lifetime is the default one: the hint must not fail a call that works without it. */
export function decodeCache(block: JsonObject): Decoded {
  const control = block.cache_control
  if (!isObject(control)) return {}
  return { cache: control.ttl === '5m' || control.ttl === '1h' ? { ttl: control.ttl } : {} }
}

/** `content` as a list of blocks; a string is short for one text block. */
export function readBlocks(value: JsonValue | undefined, path: string): readonly JsonObject[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }]
  return readList(value, path).map((block, index) => readObject(block, `${path}[${index}]`))
}

/**
 * `citations` of a text block are left behind: an answer carries them, a caller echoes them, and no model reads them.
 */
export function decodeText(block: JsonObject, path: string): TextPart {
  return { type: 'text', text: readString(block.text, `${path}.text`), ...decodeCache(block) }
}

/**
 * What one block of a user turn or a tool result says. Text documents and search results become text, which every
 * provider reads. A kind of block that is newer than this dialect is reported and left out: relays, which send the
 * caller's own bytes, still carry it.
 */
export function decodeUserBlock(block: JsonObject, path: string, report: Report): readonly (UserPart & Decoded)[] {
  switch (readString(block.type, `${path}.type`)) {
    case 'text':
      return [decodeText(block, path)]
    case 'image':
      return decodeImage(block, path, report)
    case 'document':
      return decodeDocument(block, path, report)
    case 'search_result':
      return decodeSearchResult(block, path, report)
    default:
      report.unsupported(path, `content of type ${String(block.type)}`)
      return []
  }
}

function decodeImage(block: JsonObject, path: string, report: Report): readonly ImagePart[] {
  const source = readObject(block.source, `${path}.source`)
  const media = decodeMedia(source, `${path}.source`)
  if (media !== undefined) return [{ type: 'image', source: media, ...decodeCache(block) }]
  report.unsupported(`${path}.source`, `an image from ${String(source.type)}`)
  return []
}

function decodeMedia(source: JsonObject, path: string): ImagePart['source'] | undefined {
  switch (readString(source.type, `${path}.type`)) {
    case 'base64':
      return {
        type: 'base64',
        mediaType: readString(source.media_type, `${path}.media_type`),
        data: readString(source.data, `${path}.data`),
      }
    case 'url':
      return { type: 'url', url: readString(source.url, `${path}.url`) }
    default:
      return undefined
  }
}

function decodeDocument(block: JsonObject, path: string, report: Report): readonly UserPart[] {
  const source = readObject(block.source, `${path}.source`)
  if (isObject(block.citations) && block.citations.enabled === true) {
    report.unsupported(`${path}.citations`, 'citations of a document')
  }
  const name = optional(readString, block.title, `${path}.title`)
  const context = optional(readString, block.context, `${path}.context`)
  const sourcePath = `${path}.source`
  if (source.type === 'text' || source.type === 'content') {
    report.changed(path, 'a text document is sent as text')
    const parts = documentText(source, sourcePath, report)
    return endingInCache(withHeading([name, context], parts), block)
  }
  const heading: readonly TextPart[] = context === undefined ? [] : [{ type: 'text', text: context }]
  if (source.type === 'file') {
    const id = readString(source.file_id, `${sourcePath}.file_id`)
    return [...heading, { type: 'file', source: { type: 'id', id }, ...named(name), ...decodeCache(block) }]
  }
  const media = decodeMedia(source, sourcePath)
  if (media !== undefined) return [...heading, { type: 'file', source: media, ...named(name), ...decodeCache(block) }]
  report.unsupported(sourcePath, `a document from ${String(source.type)}`)
  return []
}

function documentText(source: JsonObject, path: string, report: Report): readonly UserPart[] {
  if (source.type === 'text') return [{ type: 'text', text: readString(source.data, `${path}.data`) }]
  return readBlocks(source.content, `${path}.content`).flatMap((block, index) =>
    decodeUserBlock(block, `${path}.content[${index}]`, report),
  )
}

function decodeSearchResult(block: JsonObject, path: string, report: Report): readonly UserPart[] {
  report.changed(path, 'a search result is sent as text')
  const heading = [readString(block.title, `${path}.title`), readString(block.source, `${path}.source`)]
  const parts = readBlocks(block.content, `${path}.content`).map((part, index) =>
    decodeText(part, `${path}.content[${index}]`),
  )
  return endingInCache(withHeading(heading, parts), block)
}

function withHeading(lines: readonly (string | undefined)[], parts: readonly UserPart[]): readonly UserPart[] {
  const text = lines.filter((line) => line !== undefined && line !== '').join('\n')
  return text === '' ? parts : [{ type: 'text', text: `${text}\n\n` }, ...parts]
}

/** The block's cache mark, on the last of the parts that the block became. */
function endingInCache(parts: readonly UserPart[], block: JsonObject): readonly UserPart[] {
  const last = parts.at(-1)
  return last === undefined ? parts : [...parts.slice(0, -1), { ...last, ...decodeCache(block) }]
}

function named(name: string | undefined): { readonly name?: string } {
  return name === undefined ? {} : { name }
}
