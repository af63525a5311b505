import { toldTierOf, type Usage } from '../../core/usage.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { count, objects } from '../gemini-wire/fields.ts'

/**
 * Gemini counts thoughts beside `candidatesTokenCount` and the prompts of its own tools beside `promptTokenCount`; ours include
 * both. Some models count thoughts inside, which shows in the total: prompt and candidates alone make it up then.
 */
export function decodeUsage(metadata: JsonValue | undefined): Usage | undefined {
  if (!isObject(metadata)) return undefined
  const prompt = count(metadata.promptTokenCount)
  const answer = count(metadata.candidatesTokenCount)
  if (prompt === undefined && answer === undefined) return undefined
  const input = (prompt ?? 0) + (count(metadata.toolUsePromptTokenCount) ?? 0)
  const thoughts = count(metadata.thoughtsTokenCount)
  const inside = (thoughts ?? 0) > 0 && count(metadata.totalTokenCount) === input + (answer ?? 0)
  const cached = count(metadata.cachedContentTokenCount)
  const tier = typeof metadata.serviceTier === 'string' ? toldTierOf(metadata.serviceTier.toLowerCase()) : undefined
  const audioIn = tokensOf('AUDIO', metadata.promptTokensDetails)
  const audioOut = tokensOf('AUDIO', metadata.candidatesTokensDetails)
  const cachedAudio = tokensOf('AUDIO', metadata.cacheTokensDetails)
  const imageIn = tokensOf('IMAGE', metadata.promptTokensDetails)
  const imageOut = tokensOf('IMAGE', metadata.candidatesTokensDetails)
  return {
    inputTokens: input,
    outputTokens: (answer ?? 0) + (inside ? 0 : (thoughts ?? 0)),
    ...(cached === undefined ? {} : { cachedInputTokens: cached }),
    ...(thoughts === undefined ? {} : { reasoningTokens: thoughts }),
    ...(cachedAudio === undefined ? {} : { cachedAudioInputTokens: cachedAudio }),
    ...(audioIn === undefined ? {} : { audioInputTokens: audioIn }),
    ...(audioOut === undefined ? {} : { audioOutputTokens: audioOut }),
    ...(imageIn === undefined ? {} : { imageInputTokens: imageIn }),
    ...(imageOut === undefined ? {} : { imageOutputTokens: imageOut }),
    ...(tier === undefined ? {} : { serviceTier: tier }),
  }
}

function tokensOf(modality: 'AUDIO' | 'IMAGE', details: JsonValue | undefined): number | undefined {
  return count(objects(details).find((detail) => detail.modality === modality)?.tokenCount)
}

export function encodeUsage(usage: Usage): JsonObject {
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = usage
  return {
    promptTokenCount: inputTokens,
    ...(cachedInputTokens === undefined ? {} : { cachedContentTokenCount: cachedInputTokens }),
    // A provider whose parts exceed its total must not make a negative count.
    candidatesTokenCount: Math.max(0, outputTokens - (reasoningTokens ?? 0)),
    ...(reasoningTokens === undefined ? {} : { thoughtsTokenCount: reasoningTokens }),
    totalTokenCount: inputTokens + outputTokens,
  }
}
