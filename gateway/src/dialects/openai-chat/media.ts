import { Buffer } from 'node:buffer'
import type { MediaSource } from '../../core/chat.ts'

/** `https://…`, or `data:image/png;base64,…` taken apart. A data URI in percent encoding becomes base64. */
export function decodeMediaUrl(url: string): MediaSource {
  if (!url.startsWith('data:')) return { type: 'url', url }
  const comma = url.indexOf(',')
  if (comma === -1) return { type: 'url', url }
  const [mediaType = '', ...parameters] = url.slice('data:'.length, comma).split(';')
  const data = url.slice(comma + 1)
  const type = mediaType === '' ? 'text/plain' : mediaType
  if (parameters.includes('base64')) return { type: 'base64', mediaType: type, data }
  return { type: 'base64', mediaType: type, data: Buffer.from(percentDecoded(data)).toString('base64') }
}

export function encodeMediaUrl(source: MediaSource): string {
  return source.type === 'url' ? source.url : `data:${source.mediaType};base64,${source.data}`
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
