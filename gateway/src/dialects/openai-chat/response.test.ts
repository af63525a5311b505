import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixtureJson } from '../../../test/fixtures/read-fixture.ts'
import type { ChatChoice } from '../../core/chat.ts'
import { GatewayError } from '../../core/errors.ts'
import type { JsonObject } from '../../lib/json.ts'
import { openaiChat } from './openai-chat.ts'

const fixture = (name: string): JsonObject => fixtureJson(`openai-chat/${name}`)

function choiceOf(body: JsonObject): ChatChoice | undefined {
  return openaiChat.decodeResponse(body).choices[0]
}

test('an answer of text', () => {
  assert.deepEqual(openaiChat.decodeResponse(fixture('text.json')), {
    id: 'chatcmpl-BzA',
    model: 'gpt-4o-2024-08-06',
    created: 1763712010,
    choices: [{ index: 0, content: [{ type: 'text', text: 'Grüße!' }], finish: 'stop' }],
    usage: {
      inputTokens: 19,
      outputTokens: 10,
      cachedInputTokens: 0,
      reasoningTokens: 0,
      audioInputTokens: 0,
      audioOutputTokens: 0,
    },
    serviceTier: 'default',
    extra: { system_fingerprint: 'fp_a1b2c3d4e5' },
  })
})

test('usage with cached, reasoning and audio tokens, and an answer cut by the limit', () => {
  const response = openaiChat.decodeResponse(fixture('usage-cached.json'))
  assert.deepEqual(response.usage, {
    inputTokens: 2006,
    outputTokens: 300,
    cachedInputTokens: 1920,
    reasoningTokens: 192,
    audioInputTokens: 5,
    audioOutputTokens: 7,
  })
  assert.equal(response.choices[0]?.finish, 'length')
  assert.deepEqual(openaiChat.usageOf(fixture('usage-cached.json')), response.usage)
})

test('parallel tool calls are the reason to finish, also where the provider says `stop`', () => {
  assert.deepEqual(choiceOf(fixture('tool-calls.json')), {
    index: 0,
    content: [
      { type: 'tool-call', id: 'call_A', name: 'get_weather', arguments: '{"city":"Paris"}' },
      { type: 'tool-call', id: 'call_B', name: 'now', arguments: '{}' },
    ],
    finish: 'tool-calls',
  })
})

test('a refusal', () => {
  assert.deepEqual(choiceOf(fixture('refusal.json')), {
    index: 0,
    content: [{ type: 'refusal', text: "I'm sorry, I can't help with that." }],
    finish: 'refusal',
  })
})

test("LiteLLM's thinking with its signature, and the counts of Anthropic's cache", () => {
  const response = openaiChat.decodeResponse(fixture('litellm-thinking.json'))
  assert.deepEqual(response.choices[0]?.content, [
    { type: 'thinking', text: 'Need data.', signature: 'EqoBCkg' },
    { type: 'redacted-thinking', data: 'EmwKAhgB' },
    { type: 'text', text: "I'll look." },
    { type: 'tool-call', id: 'toolu_01', name: 'search', arguments: '{"q":"x"}' },
  ])
  assert.deepEqual(response.usage, { inputTokens: 30, outputTokens: 40, cachedInputTokens: 0, cacheWriteTokens: 0 })
})

test('reasoning that a provider does not count as output is output all the same', () => {
  const response = openaiChat.decodeResponse(fixture('xai-reasoning.json'))
  assert.deepEqual(response.usage, {
    inputTokens: 32,
    outputTokens: 103,
    cachedInputTokens: 6,
    reasoningTokens: 94,
    audioInputTokens: 0,
    audioOutputTokens: 0,
    imageInputTokens: 0,
  })
  assert.deepEqual(response.choices[0]?.content, [
    { type: 'thinking', text: 'Think.' },
    { type: 'text', text: 'Yes' },
  ])
})

test("vLLM's stop sequence is known by name, a stop token is not one", () => {
  const body = (stop_reason: string | number) => ({
    choices: [{ message: { content: 'a' }, finish_reason: 'stop', stop_reason }],
  })
  assert.deepEqual(choiceOf(body('END')), {
    index: 0,
    content: [{ type: 'text', text: 'a' }],
    finish: 'stop-sequence',
    stopSequence: 'END',
  })
  assert.equal(choiceOf(body(128009))?.finish, 'stop')
})

test('an answer without choices is malformed', () => {
  assert.throws(
    () => openaiChat.decodeResponse({ id: 'x' }),
    (error) =>
      error instanceof GatewayError &&
      error.code === 'upstream_malformed' &&
      error.message === "the provider's answer has no list of `choices`",
  )
})

test('a tool call without an id gets one that is always the same', () => {
  const body = { id: 'a:b', choices: [{ message: { tool_calls: [{ function: { name: 'f', arguments: { x: 1 } } }] } }] }
  assert.deepEqual(choiceOf(body)?.content, [
    { type: 'tool-call', id: 'call_a_b_0_0', name: 'f', arguments: '{"x":1}' },
  ])
})

test('an answer as the caller sees it', () => {
  const body = openaiChat.encodeResponse(
    {
      id: 'msg_1',
      model: 'claude',
      created: 7,
      choices: [
        {
          index: 0,
          content: [
            { type: 'thinking', text: 'Hm', signature: 'c2ln' },
            { type: 'redacted-thinking', data: 'eHl6' },
            { type: 'text', text: 'Hi' },
            { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' },
          ],
          finish: 'tool-calls',
        },
      ],
      usage: { inputTokens: 5, outputTokens: 3, cachedInputTokens: 2, cacheWriteTokens: 1, reasoningTokens: 1 },
      extra: {},
    },
    'mine',
  )
  assert.deepEqual(body, {
    id: 'msg_1',
    object: 'chat.completion',
    created: 7,
    model: 'mine',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'Hi',
          refusal: null,
          reasoning_content: 'Hm',
          thinking_blocks: [
            { type: 'thinking', thinking: 'Hm', signature: 'c2ln' },
            { type: 'redacted_thinking', data: 'eHl6' },
          ],
          tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        logprobs: null,
        finish_reason: 'tool_calls',
      },
    ],
    usage: {
      prompt_tokens: 5,
      completion_tokens: 3,
      total_tokens: 8,
      prompt_tokens_details: { cached_tokens: 2, cache_creation_tokens: 1 },
      completion_tokens_details: { reasoning_tokens: 1 },
      cache_creation_input_tokens: 1,
      cache_read_input_tokens: 2,
    },
  })
})

const finishes = [
  ['stop', 'stop'],
  ['stop-sequence', 'stop'],
  ['pause', 'stop'],
  ['length', 'length'],
  ['tool-calls', 'tool_calls'],
  ['content-filter', 'content_filter'],
  ['refusal', 'content_filter'],
] as const

for (const [finish, word] of finishes) {
  test(`an answer that ends by ${finish} says ${word}`, () => {
    const response = { id: '', model: '', created: 0, extra: {}, choices: [{ index: 0, content: [], finish }] }
    const { choices } = openaiChat.encodeResponse(response, 'm')
    assert.equal(Array.isArray(choices) && choices[0].finish_reason, word)
  })
}

test("an error is told in LiteLLM's form, its status as text", () => {
  const error = new GatewayError('invalid_request', 'no', { param: 'messages' })
  assert.deepEqual(openaiChat.encodeError(error), {
    error: { message: 'no', type: 'invalid_request_error', param: 'messages', code: '400' },
  })
  assert.deepEqual(openaiChat.encodeError(new GatewayError('upstream_rate_limited', 'slow down')), {
    error: { message: 'slow down', type: 'rate_limit_error', param: null, code: '429' },
  })
})
