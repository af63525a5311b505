import { optional, readObject, readString, refused, writeJson } from '../../core/body-fields.ts'
import type {
  AssistantPart,
  Message,
  TextPart,
  ThinkingPart,
  ToolCallPart,
  ToolResultPart,
  UserPart,
} from '../../core/chat.ts'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import { field, readObjects } from '../gemini-wire/fields.ts'
import type { Report } from '../gemini-wire/report.ts'
import { decodeMedia } from './media.ts'
import { signatureFromWire } from './signature.ts'
import { readResponse } from './tool-data.ts'

/** Calls without an id, which Gemini's callers may leave out; each result answers the first open call of its name. */
interface OpenCalls {
  readonly open: { readonly name: string; readonly id: string }[]
  count: number
}

/** `systemInstruction`: a content, or text alone as Google's SDKs take it. */
export function decodeSystem(value: JsonValue | undefined): readonly Message[] {
  if (value === undefined) return []
  if (typeof value === 'string') return [{ role: 'system', content: [{ type: 'text', text: value }] }]
  const path = 'systemInstruction'
  const parts = readObjects(readObject(value, path).parts, `${path}.parts`)
  const content = parts.map(
    (part, index): TextPart => ({ type: 'text', text: readString(part.text, `${path}.parts[${index}].text`) }),
  )
  return content.length === 0 ? [] : [{ role: 'system', content }]
}

/**
 * A caller's contents as messages. Results of functions become a tool message of their own; parts of kinds that the normal form
 * has no word for (`executableCode` …) are reported and left out.
 */
export function decodeContents(value: JsonValue | undefined, report: Report): readonly Message[] {
  const calls: OpenCalls = { open: [], count: 0 }
  return readObjects(value, 'contents').flatMap((content, index): readonly Message[] => {
    const path = `contents[${index}]`
    const parts = readObjects(content.parts, `${path}.parts`).map((part, at) => ({
      part,
      path: `${path}.parts[${at}]`,
    }))
    const role = optional(readString, content.role, `${path}.role`) ?? 'user'
    if (role === 'model') return [{ role: 'assistant', content: decodeAnswer(parts, calls, report) }]
    if (role === 'user' || role === 'function' || role === 'tool') return decodeUser(parts, calls, report)
    throw refused(`${path}.role`, 'must be `user` or `model`')
  })
}

interface PlacedPart {
  readonly part: JsonObject
  readonly path: string
}

function decodeUser(parts: readonly PlacedPart[], calls: OpenCalls, report: Report): readonly Message[] {
  const results: ToolResultPart[] = []
  const content: UserPart[] = []
  for (const { part, path } of parts) {
    const response = field(part, 'functionResponse')
    if (response !== undefined)
      results.push(decodeResult(readObject(response, `${path}.functionResponse`), path, calls))
    else content.push(...decodeUserPart(part, path, report))
  }
  return [
    ...(results.length === 0 ? [] : [{ role: 'tool', content: results } as const]),
    ...(content.length === 0 ? [] : [{ role: 'user', content } as const]),
  ]
}

function decodeUserPart(part: JsonObject, path: string, report: Report): readonly UserPart[] {
  if (typeof part.text === 'string') return [{ type: 'text', text: part.text }]
  const media = decodeMedia(part, path)
  if (media !== undefined) return [media]
  report.unsupported(path, `content of type ${Object.keys(part)[0] ?? 'unknown'}`)
  return []
}

function decodeResult(response: JsonObject, path: string, calls: OpenCalls): ToolResultPart {
  const place = `${path}.functionResponse`
  const name = readString(response.name, `${place}.name`)
  const { text, isError } = readResponse(readObject(response.response, `${place}.response`), `${place}.response`)
  const media = (optional(readObjects, response.parts, `${place}.parts`) ?? []).flatMap((part, index) => {
    const decoded = decodeMedia(part, `${place}.parts[${index}]`)
    return decoded === undefined || decoded.type === 'audio' ? [] : [decoded]
  })
  return {
    type: 'tool-result',
    callId: optional(readString, response.id, `${place}.id`) ?? answeredCall(name, calls),
    content: [{ type: 'text', text }, ...media],
    ...(isError ? { isError } : {}),
  }
}

function answeredCall(name: string, calls: OpenCalls): string {
  const index = calls.open.findIndex((call) => call.name === name)
  return index === -1 ? newId(calls) : (calls.open.splice(index, 1)[0]?.id ?? newId(calls))
}

function newId(calls: OpenCalls): string {
  calls.count += 1
  return `call_${calls.count}`
}

function decodeAnswer(parts: readonly PlacedPart[], calls: OpenCalls, report: Report): readonly AssistantPart[] {
  const content: AssistantPart[] = []
  for (const { part, path } of parts) {
    const wire = field(part, 'thoughtSignature')
    const signature = typeof wire === 'string' && wire !== '' ? wire : undefined
    const call = field(part, 'functionCall')
    if (call !== undefined) {
      content.push(decodeCall(readObject(call, `${path}.functionCall`), `${path}.functionCall`, signature, calls))
      continue
    }
    if (part.thought === true) {
      const seal = signature === undefined ? {} : { signature: signatureFromWire(signature) }
      content.push({ type: 'thinking', text: typeof part.text === 'string' ? part.text : '', ...seal })
      continue
    }
    if (signature !== undefined) sealThinking(content, signatureFromWire(signature))
    if (typeof part.text !== 'string') report.unsupported(path, `content of type ${Object.keys(part)[0] ?? 'unknown'}`)
    else if (part.text !== '') content.push({ type: 'text', text: part.text })
  }
  return content
}

function decodeCall(call: JsonObject, path: string, signature: string | undefined, calls: OpenCalls): ToolCallPart {
  const name = readString(call.name, `${path}.name`)
  const given = optional(readString, call.id, `${path}.id`)
  const id = given ?? newId(calls)
  if (given === undefined) calls.open.push({ name, id })
  const args = optional(readObject, call.args, `${path}.args`) ?? {}
  return {
    type: 'tool-call',
    id,
    name,
    arguments: writeJson(args, `${path}.args`),
    ...(signature === undefined ? {} : { signature }),
  }
}

/** A signature belongs to the thinking before it; without any it stands on an empty one, so that it can go back. */
function sealThinking(content: AssistantPart[], signature: string): void {
  const last = content.at(-1)
  const sealed: ThinkingPart = {
    type: 'thinking',
    text: last?.type === 'thinking' && last.signature === undefined ? last.text : '',
    signature,
  }
  if (last?.type === 'thinking' && last.signature === undefined) content[content.length - 1] = sealed
  else content.push(sealed)
}
