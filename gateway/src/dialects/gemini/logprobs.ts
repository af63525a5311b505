import { Buffer } from 'node:buffer'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { objects, text } from '../gemini-wire/fields.ts'

/** `logprobsResult` as OpenAI's `logprobs`, the form of the normal form; `undefined` when there is none. */
export function decodeLogprobs(result: JsonValue | undefined): JsonValue | undefined {
  if (!isObject(result)) return undefined
  const tops = objects(result.topCandidates)
  const content = objects(result.chosenCandidates).map((chosen, index) => ({
    ...entry(chosen),
    top_logprobs: objects(tops[index]?.candidates).map(entry),
  }))
  return { content, refusal: null }
}

function entry(candidate: JsonObject): { token: string; logprob: number; bytes: number[] } {
  const token = text(candidate.token)
  const logprob = typeof candidate.logProbability === 'number' ? candidate.logProbability : 0
  return { token, logprob, bytes: [...Buffer.from(token)] }
}

/** OpenAI's `logprobs` as `logprobsResult`; `undefined` when there are none. */
export function encodeLogprobs(logprobs: JsonValue | undefined): JsonObject | undefined {
  const tokens = objects(isObject(logprobs) ? logprobs.content : undefined)
  if (tokens.length === 0) return undefined
  const candidate = (token: JsonObject): JsonObject => ({
    token: text(token.token),
    logProbability: token.logprob ?? 0,
  })
  return {
    chosenCandidates: tokens.map(candidate),
    topCandidates: tokens.map((token) => ({ candidates: objects(token.top_logprobs).map(candidate) })),
  }
}
