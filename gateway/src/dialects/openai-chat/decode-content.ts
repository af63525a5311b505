import { optional } from '../../core/body-fields.ts'
import type { AudioPart, CacheControl, FilePart, ImagePart, MediaSource, TextPart, UserPart } from '../../core/chat.ts'
import type { Report } from '../../core/report.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { invalid, readObject, readString, wrong } from '../openai-wire/fields.ts'
import { reportLeftOut } from '../openai-wire/report.ts'
import { decodeMediaUrl } from './media.ts'

type Field = JsonValue | undefined

/** `cache_control` as LiteLLM takes it. An unknown lifetime is the default one: a hint must not fail a call. */
export function decodeCache(holder: JsonObject): { readonly cache?: CacheControl } {
  const control = holder.cache_control
  if (!isObject(control)) return {}
  return { cache: control.ttl === '5m' || control.ttl === '1h' ? { ttl: control.ttl } : {} }
}

/** A string, or a list of parts each of which `decode` reads. No text is no part. */
export function decodeContent<Part>(
  content: Field,
  path: string,
  decode: (part: JsonObject, path: string) => Part,
): readonly (Part | TextPart)[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  if (!Array.isArray(content)) throw wrong(content, path, 'a string or a list of parts')
  return content.map((item: JsonValue, index) => {
    const partPath = `${path}[${index}]`
    return decode(readObject(item, partPath), partPath)
  })
}

const textFields = new Set(['type', 'text', 'cache_control'])

export function decodeText(part: JsonObject, path: string, report: Report): TextPart {
  if (part.type !== 'text') throw invalid(`${path}.type`, '"text"', part.type)
  reportLeftOut(part, textFields, 'messages[*].content[*]', report)
  return { type: 'text', text: readString(part.text, `${path}.text`), ...decodeCache(part) }
}

export function decodeUserPart(part: JsonObject, path: string, report: Report): UserPart {
  switch (part.type) {
    case 'text':
      return decodeText(part, path, report)
    case 'image_url':
      return decodeImage(part, path, report)
    case 'file':
      return decodeFile(part, path, report)
    case 'input_audio':
      return decodeAudio(part, path, report)
    default:
      throw invalid(`${path}.type`, '"text", "image_url", "file" or "input_audio"', part.type)
  }
}

export function decodeResultPart(part: JsonObject, path: string, report: Report): TextPart | ImagePart | FilePart {
  switch (part.type) {
    case 'text':
      return decodeText(part, path, report)
    case 'image_url':
      return decodeImage(part, path, report)
    case 'file':
      return decodeFile(part, path, report)
    default:
      throw invalid(`${path}.type`, '"text", "image_url" or "file"', part.type)
  }
}

const imageFields = new Set(['type', 'image_url', 'cache_control'])
const imageUrlFields = new Set(['url', 'detail', 'format'])

/** LiteLLM also takes `"image_url": "https://…"`, and `format` for the media type. */
function decodeImage(part: JsonObject, path: string, report: Report): ImagePart {
  reportLeftOut(part, imageFields, 'messages[*].content[*]', report)
  if (typeof part.image_url === 'string') {
    return { type: 'image', source: decodeMediaUrl(part.image_url), ...decodeCache(part) }
  }
  const image = readObject(part.image_url, `${path}.image_url`)
  reportLeftOut(image, imageUrlFields, 'messages[*].content[*].image_url', report)
  const source = decodeMediaUrl(readString(image.url, `${path}.image_url.url`))
  return {
    type: 'image',
    source: withMediaType(source, optional(readString, image.format, `${path}.image_url.format`)),
    ...decodeDetail(image.detail, report),
    ...decodeCache(part),
  }
}

function decodeDetail(detail: Field, report: Report): { readonly detail?: 'auto' | 'low' | 'high' } {
  if (detail === 'auto' || detail === 'low' || detail === 'high') return { detail }
  if (detail !== undefined && detail !== null) {
    report.changed('messages[*].content[*].image_url.detail', 'left out: not "auto", "low" or "high"')
  }
  return {}
}

function withMediaType(source: MediaSource, mediaType: string | undefined): MediaSource {
  return source.type === 'base64' && mediaType !== undefined ? { ...source, mediaType } : source
}

const filePartFields = new Set(['type', 'file', 'cache_control'])
const fileFields = new Set(['file_data', 'file_id', 'filename', 'format'])

function decodeFile(part: JsonObject, path: string, report: Report): FilePart {
  reportLeftOut(part, filePartFields, 'messages[*].content[*]', report)
  const file = readObject(part.file, `${path}.file`)
  reportLeftOut(file, fileFields, 'messages[*].content[*].file', report)
  const name = optional(readString, file.filename, `${path}.file.filename`)
  return {
    type: 'file',
    source: decodeFileSource(file, `${path}.file`),
    ...(name === undefined ? {} : { name }),
    ...decodeCache(part),
  }
}

/** LiteLLM's users also write a URL as `file_id`. */
function decodeFileSource(file: JsonObject, path: string): FilePart['source'] {
  const data = optional(readString, file.file_data, `${path}.file_data`)
  if (data === undefined) {
    const id = readString(file.file_id, `${path}.file_id`)
    return /^(https?|gs|s3):\/\//.test(id) ? { type: 'url', url: id } : { type: 'id', id }
  }
  const source = decodeMediaUrl(data)
  if (source.type === 'url' && !/^https?:\/\//.test(data)) {
    throw invalid(`${path}.file_data`, 'a data URI (`data:application/pdf;base64,…`)', data)
  }
  return withMediaType(source, optional(readString, file.format, `${path}.format`))
}

const audioFields = new Set(['type', 'input_audio'])

function decodeAudio(part: JsonObject, path: string, report: Report): AudioPart {
  reportLeftOut(part, audioFields, 'messages[*].content[*]', report)
  const audio = readObject(part.input_audio, `${path}.input_audio`)
  return {
    type: 'audio',
    data: readString(audio.data, `${path}.input_audio.data`),
    format: readString(audio.format, `${path}.input_audio.format`),
  }
}
