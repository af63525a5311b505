import type { FinishReason } from '../../core/chat.ts'
import { type JsonValue, present } from '../../lib/json.ts'

/** What else the answer shows: servers do not agree on the reason beside a tool call, and none has one for a refusal. */
export interface Shown {
  readonly toolCalls: boolean
  readonly refusal: boolean
}

/**
 * @param reason       `finish_reason`; a word that is not known is a plain stop
 * @param stopSequence vLLM's `stop_reason`: the sequence, or the id of a token
 */
export function decodeFinish(
  reason: JsonValue | undefined,
  stopSequence: JsonValue | undefined,
  shown: Shown,
): { readonly reason: FinishReason; readonly stopSequence?: string } {
  switch (reason) {
    case 'length':
    case 'max_tokens':
    case 'model_length':
      return { reason: 'length' }
    case 'tool_calls':
    case 'function_call':
      return { reason: 'tool-calls' }
    case 'content_filter':
      return { reason: 'content-filter' }
    default:
      // OpenAI itself says `stop` after a tool call that `tool_choice` named.
      if (shown.toolCalls) return { reason: 'tool-calls' }
      if (shown.refusal) return { reason: 'refusal' }
      if (typeof stopSequence === 'string') return { reason: 'stop-sequence', stopSequence }
      return { reason: 'stop' }
  }
}

/** Spread into a choice: `finish_reason`, and vLLM's `stop_reason` where a sequence is known. */
export function encodeFinish(reason: FinishReason, stopSequence: string | undefined, shown: Pick<Shown, 'refusal'>) {
  return { finish_reason: finishWord(reason, shown), ...present({ stop_reason: stopSequence }) }
}

function finishWord(reason: FinishReason, shown: Pick<Shown, 'refusal'>): string {
  switch (reason) {
    case 'stop':
    case 'stop-sequence':
    case 'pause':
      return 'stop'
    case 'length':
      return 'length'
    case 'tool-calls':
      return 'tool_calls'
    case 'content-filter':
      return 'content_filter'
    case 'refusal':
      return shown.refusal ? 'stop' : 'content_filter'
    default:
      return reason satisfies never
  }
}
