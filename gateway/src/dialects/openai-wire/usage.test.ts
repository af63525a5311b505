import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Usage } from '../../core/usage.ts'
import type { JsonValue } from '../../lib/json.ts'
import { decodeUsage } from './usage.ts'

const spellings: readonly (readonly [name: string, JsonValue, Usage | undefined])[] = [
  ['nothing', null, undefined],
  ['an empty object', {}, undefined],
  ['nothing that can be billed', { prompt_tokens: -1, completion_tokens: 'many' }, undefined],
  ['embeddings', { prompt_tokens: 8, total_tokens: 8 }, { inputTokens: 8, outputTokens: 0 }],
  ['a total only', { total_tokens: 8 }, { inputTokens: 8, outputTokens: 0 }],
  [
    "DeepSeek's cache",
    { prompt_tokens: 16, completion_tokens: 1, total_tokens: 17, prompt_cache_hit_tokens: 8 },
    { inputTokens: 16, outputTokens: 1, cachedInputTokens: 8 },
  ],
  [
    "Moonshot's cache",
    { prompt_tokens: 16, completion_tokens: 1, total_tokens: 17, cached_tokens: 4 },
    { inputTokens: 16, outputTokens: 1, cachedInputTokens: 4 },
  ],
  [
    "OpenRouter's cache",
    { prompt_tokens: 16, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 3 } },
    { inputTokens: 16, outputTokens: 1, cachedInputTokens: 2, cacheWriteTokens: 3 },
  ],
  [
    "xAI's reasoning outside of the completion",
    { prompt_tokens: 10, completion_tokens: 5, total_tokens: 22, completion_tokens_details: { reasoning_tokens: 7 } },
    { inputTokens: 10, outputTokens: 12, reasoningTokens: 7 },
  ],
  [
    "Gemini's thoughts without a name, and no answer",
    { prompt_tokens: 10, total_tokens: 30 },
    { inputTokens: 10, outputTokens: 20, reasoningTokens: 20 },
  ],
  [
    'images, in and out',
    {
      prompt_tokens: 100,
      completion_tokens: 50,
      prompt_tokens_details: { image_tokens: 80 },
      completion_tokens_details: { image_tokens: 40 },
    },
    { inputTokens: 100, outputTokens: 50, imageInputTokens: 80, imageOutputTokens: 40 },
  ],
  [
    "Perplexity's searches and citations",
    { prompt_tokens: 10, completion_tokens: 5, num_search_queries: 3, citation_tokens: 7 },
    { inputTokens: 10, outputTokens: 5, webSearches: 3, units: { citationTokens: 7 } },
  ],
  [
    "LiteLLM's echo of searches; none is not counted",
    { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { web_search_requests: 2 }, citation_tokens: 0 },
    { inputTokens: 10, outputTokens: 5, webSearches: 2 },
  ],
  [
    'a total that nobody can explain',
    { prompt_tokens: 10, completion_tokens: 5, total_tokens: 99, completion_tokens_details: { reasoning_tokens: 3 } },
    { inputTokens: 10, outputTokens: 5, reasoningTokens: 3 },
  ],
]

for (const [name, value, expected] of spellings) {
  test(`usage: ${name}`, () => {
    assert.deepEqual(decodeUsage(value), expected)
  })
}
