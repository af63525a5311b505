import { readObject, readString } from '../../core/body-fields.ts'
import type { AudioPart, FilePart, ImagePart, MediaSource } from '../../core/chat.ts'
import type { JsonObject } from '../../lib/json.ts'
import { field } from '../gemini-wire/fields.ts'
import type { Report } from '../gemini-wire/report.ts'

type MediaPart = ImagePart | FilePart | AudioPart

/** `inlineData` for bytes, `fileData` for what Gemini fetches: http(s) and gs:// URLs, its own Files API, YouTube. */
export function encodeMedia(part: MediaPart, path: string, report: Report): JsonObject {
  if (part.type === 'audio') return inlineData(`audio/${part.format}`, part.data)
  if (part.type === 'image' && (part.detail === 'low' || part.detail === 'high')) {
    report.changed(`${path}.detail`, 'left out: Gemini sets the resolution for the whole request (mediaResolution)')
  }
  if (part.type === 'file' && part.name !== undefined)
    report.changed(`${path}.name`, 'left out: Gemini has no file names')
  return part.source.type === 'id' ? fileData(part.source.id) : encodeSource(part.source)
}

function encodeSource(source: MediaSource): JsonObject {
  if (source.type === 'base64') return inlineData(source.mediaType, source.data)
  const data = /^data:([^;,]*)((?:;[^;,]*)*?);base64,/.exec(source.url)
  if (data === null) return fileData(source.url)
  return inlineData(
    data[1] === undefined || data[1] === '' ? 'application/octet-stream' : data[1],
    source.url.slice(data[0].length),
  )
}

function inlineData(mediaType: string, data: string): JsonObject {
  return { inlineData: { mimeType: mediaType === 'image/jpg' ? 'image/jpeg' : mediaType, data } }
}

function fileData(uri: string): JsonObject {
  const mimeType = typeOfUri(uri)
  return { fileData: { fileUri: uri, ...(mimeType === undefined ? {} : { mimeType }) } }
}

const typesByEnding: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  heic: 'image/heic',
  heif: 'image/heif',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  html: 'text/html',
  csv: 'text/csv',
  json: 'application/json',
  mp3: 'audio/mp3',
  wav: 'audio/wav',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
}

/** Gemini wants the type named where the URL shows it; else it asks the server. */
function typeOfUri(uri: string): string | undefined {
  const path = uri.split(/[?#]/, 1)[0] ?? ''
  const ending = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase()
  return ending === undefined ? undefined : typesByEnding[ending]
}

/** A caller's `inlineData` or `fileData`; `undefined` for a part that is neither. */
export function decodeMedia(part: JsonObject, path: string): MediaPart | undefined {
  const inline = field(part, 'inlineData')
  if (inline !== undefined) return decodeInline(inline, `${path}.inlineData`)
  const file = field(part, 'fileData')
  return file === undefined ? undefined : decodeFile(file, `${path}.fileData`)
}

function decodeInline(value: ReturnType<typeof field>, path: string): MediaPart {
  const inline = readObject(value, path)
  const mediaType = readString(field(inline, 'mimeType'), `${path}.mimeType`)
  const data = readString(inline.data, `${path}.data`)
  const [kind, format = ''] = mediaType.split('/')
  if (kind === 'audio') return { type: 'audio', data, format: format === 'mpeg' ? 'mp3' : format }
  if (kind === 'image') return { type: 'image', source: { type: 'base64', mediaType, data } }
  return { type: 'file', source: { type: 'base64', mediaType, data } }
}

function decodeFile(value: ReturnType<typeof field>, path: string): MediaPart {
  const file = readObject(value, path)
  const uri = readString(field(file, 'fileUri'), `${path}.fileUri`)
  const mimeType = field(file, 'mimeType')
  const source = { type: 'url', url: uri } as const
  const type = typeof mimeType === 'string' ? mimeType : typeOfUri(uri)
  return type?.startsWith('image/') === true ? { type: 'image', source } : { type: 'file', source }
}
