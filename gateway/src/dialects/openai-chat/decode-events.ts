import type { ChatEvent } from '../../core/chat.ts'
import { servedAs, type Usage } from '../../core/usage.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import type { EventDecoder } from '../dialect.ts'
import { done, parseChunk } from '../openai-wire/chunk.ts'
import { streamErrorOf } from '../openai-wire/errors.ts'
import { decodeFinish } from '../openai-wire/finish.ts'
import { decodeUsage } from '../openai-wire/usage.ts'
import { argumentsText, madeUpCallId } from './response.ts'
import { decodeSignature } from './signature.ts'
import { decodeShownThinking, textOf } from './thinking.ts'

interface ChoiceState {
  readonly index: number
  readonly calls: CallState[]
  refusal: boolean
  finished: boolean
}

interface CallState {
  /** The number in the normal form. */
  readonly call: number
  /** The number the server gave it; servers number from any, twice, or not at all. */
  readonly wireIndex: number | undefined
  readonly id: string
}

/**
 * Reads a stream of chat completion chunks. `end` follows only from `[DONE]`; a stream that has finished every choice
 * without it is for the reader to judge (F87). Usage that stands in the chunks of the answer waits for its finish.
 */
export function openDecoder(): EventDecoder {
  const choices = new Map<number, ChoiceState>()
  let responseId: string | undefined
  let usage: Usage | undefined
  let toldUsage = ''

  return {
    push({ event, data }) {
      if (data === '') return []
      if (data === done) return [...takeUsage(), { type: 'end' }]
      const chunk = parseChunk(data)
      const error = streamErrorOf(chunk, event)
      if (error !== undefined) {
        const { message, code } = error
        return [{ type: 'error', message, ...(code === undefined ? {} : { code }) }]
      }
      // One list is filled by all: this runs for every token of a translated stream.
      const events: ChatEvent[] = []
      readStart(chunk, events)
      if (Array.isArray(chunk.choices)) {
        for (const choice of chunk.choices) if (isObject(choice)) readChoice(choice, events)
      }
      readUsage(chunk, events)
      return events
    },
  }

  /** Azure opens with a chunk about its content filter that belongs to no answer yet. */
  function readStart(chunk: JsonObject, events: ChatEvent[]): void {
    if (responseId !== undefined) return
    const id = typeof chunk.id === 'string' ? chunk.id : ''
    if (id === '' && !hasChoices(chunk)) return
    responseId = id
    events.push({
      type: 'start',
      id,
      model: typeof chunk.model === 'string' ? chunk.model : '',
      created: typeof chunk.created === 'number' ? chunk.created : 0,
    })
  }

  function readChoice(choice: JsonObject, events: ChatEvent[]): void {
    const index = typeof choice.index === 'number' ? choice.index : 0
    const state = stateOf(index)
    const delta = isObject(choice.delta) ? choice.delta : {}
    readThinking(delta, index, events)
    readText(delta, state, events)
    readToolCalls(delta, state, events)
    if (choice.finish_reason === undefined || choice.finish_reason === null || state.finished) return
    state.finished = true
    const shown = { toolCalls: state.calls.length > 0, refusal: state.refusal }
    events.push({ type: 'finish', choice: index, ...decodeFinish(choice.finish_reason, choice.stop_reason, shown) })
  }

  function stateOf(index: number): ChoiceState {
    const known = choices.get(index)
    if (known !== undefined) return known
    const state = { index, calls: [], refusal: false, finished: false }
    choices.set(index, state)
    return state
  }

  /** The legacy `function_call` is one tool call without an id. */
  function readToolCalls(delta: JsonObject, state: ChoiceState, events: ChatEvent[]): void {
    if (Array.isArray(delta.tool_calls)) {
      for (const call of delta.tool_calls) if (isObject(call)) readToolCall(call, state, events)
    }
    if (isObject(delta.function_call)) readToolCall({ index: 0, function: delta.function_call }, state, events)
  }

  function readToolCall(call: JsonObject, state: ChoiceState, events: ChatEvent[]): void {
    const called = isObject(call.function) ? call.function : {}
    let target = findCall(state.calls, call)
    if (target === undefined) {
      const number = state.calls.length
      const id = textOf(call.id) || madeUpCallId(responseId ?? '', state.index, number)
      target = { call: number, wireIndex: numberOf(call.index), id }
      state.calls.push(target)
      const name = textOf(called.name)
      events.push({ type: 'tool-call-start', choice: state.index, call: number, id, name, ...decodeSignature(call) })
    }
    const text = argumentsText(called.arguments)
    if (text !== '') {
      events.push({ type: 'tool-call-delta', choice: state.index, call: target.call, arguments: text })
    }
  }

  function readUsage(chunk: JsonObject, events: ChatEvent[]): void {
    const groq = isObject(chunk.x_groq) ? chunk.x_groq : undefined
    const counted = decodeUsage(chunk.usage) ?? decodeUsage(groq?.usage)
    if (counted !== undefined) usage = servedAs(counted, undefined, chunk.service_tier)
    if (usage === undefined) return
    const all = [...choices.values()]
    if (all.length > 0 && all.every((choice) => choice.finished)) events.push(...takeUsage())
  }

  /** vLLM counts in the last chunk of the answer and, the same, in one of its own. */
  function takeUsage(): readonly ChatEvent[] {
    if (usage === undefined) return []
    const event = { type: 'usage', usage } as const
    const told = JSON.stringify(usage)
    usage = undefined
    if (told === toldUsage) return []
    toldUsage = told
    return [event]
  }
}

function hasChoices(chunk: JsonObject): boolean {
  return Array.isArray(chunk.choices) && chunk.choices.length > 0
}

function readThinking(delta: JsonObject, choice: number, events: ChatEvent[]): void {
  for (const part of decodeShownThinking(delta)) {
    if (part.type === 'redacted-thinking') {
      events.push({ type: 'redacted-thinking', choice, data: part.data })
      continue
    }
    if (part.text !== '') events.push({ type: 'thinking-delta', choice, text: part.text })
    if (part.signature !== undefined) events.push({ type: 'thinking-signature', choice, signature: part.signature })
  }
}

function readText(delta: JsonObject, state: ChoiceState, events: ChatEvent[]): void {
  const text = textOf(delta.content)
  if (text !== '') events.push({ type: 'text-delta', choice: state.index, text })
  if (typeof delta.refusal !== 'string' || delta.refusal === '') return
  state.refusal = true
  events.push({ type: 'refusal-delta', choice: state.index, text: delta.refusal })
}

/**
 * The call that a piece belongs to; `undefined` when it opens a new one. Gemini's compatible API gives all parallel calls
 * the index 0 and each an id; others leave out the index, or repeat the id in every piece.
 */
function findCall(calls: readonly CallState[], piece: JsonObject): CallState | undefined {
  const id = textOf(piece.id)
  const index = numberOf(piece.index)
  if (index === undefined) {
    if (id !== '') return calls.find((call) => call.id === id)
    return isNamed(piece) ? undefined : calls.at(-1)
  }
  const candidate = calls.findLast((call) => call.wireIndex === index)
  const isOther = candidate !== undefined && id !== '' && candidate.id !== id && isNamed(piece)
  return isOther ? undefined : candidate
}

function isNamed(piece: JsonObject): boolean {
  return isObject(piece.function) && textOf(piece.function.name) !== ''
}

function numberOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}
