import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixtureBytes } from '../../../test/fixtures/read-fixture.ts'
import type { ChatEvent } from '../../core/chat.ts'
import { GatewayError } from '../../core/errors.ts'
import { createSseParser } from '../../lib/sse.ts'
import { openaiChat } from './openai-chat.ts'

function decode(...chunks: readonly Buffer[]): readonly ChatEvent[] {
  const parser = createSseParser()
  const decoder = openaiChat.openDecoder()
  return chunks.flatMap((chunk) => parser.push(chunk)).flatMap((event) => decoder.push(event))
}

const text = (value: string, choice = 0): ChatEvent => ({ type: 'text-delta', choice, text: value })
const thinking = (value: string): ChatEvent => ({ type: 'thinking-delta', choice: 0, text: value })
const call = (number: number, id: string, name: string): ChatEvent => ({
  type: 'tool-call-start',
  choice: 0,
  call: number,
  id,
  name,
})
const piece = (number: number, value: string): ChatEvent => ({
  type: 'tool-call-delta',
  choice: 0,
  call: number,
  arguments: value,
})
const finish = (reason: Extract<ChatEvent, { type: 'finish' }>['reason'], choice = 0): ChatEvent => ({
  type: 'finish',
  choice,
  reason,
})
const start = (id: string, model: string, created: number): ChatEvent => ({ type: 'start', id, model, created })
const used = (inputTokens: number, outputTokens: number, more: object = {}): ChatEvent => ({
  type: 'usage',
  usage: { inputTokens, outputTokens, ...more },
})
/** OpenAI's own streams tell the tier in every chunk. */
const standard = { serviceTier: 'standard' }
const end: ChatEvent = { type: 'end' }
const openai = start('chatcmpl-Bz7NfQ3cYwK2mPq0LxVtR5uH8sJ1d', 'gpt-4o-2024-08-06', 1763712000)

const streams: Readonly<Record<string, readonly ChatEvent[]>> = {
  'text.sse': [
    openai,
    text('Grüße'),
    text(' aus 東京'),
    text(' 🗼'),
    finish('stop'),
    used(19, 10, { cachedInputTokens: 0, reasoningTokens: 0, audioInputTokens: 0, audioOutputTokens: 0, ...standard }),
    end,
  ],
  'tool-calls-parallel.sse': [
    openai,
    call(0, 'call_Hn3s9', 'get_weather'),
    piece(0, '{"ci'),
    piece(0, 'ty":"Paris"}'),
    call(1, 'call_Kp7w2', 'get_time'),
    piece(1, '{"zone":'),
    piece(1, '"CET"}'),
    finish('tool-calls'),
    used(82, 51, standard),
    end,
  ],
  'refusal.sse': [
    openai,
    { type: 'refusal-delta', choice: 0, text: "I'm sorry, " },
    { type: 'refusal-delta', choice: 0, text: "I can't help with that." },
    finish('refusal'),
    used(24, 11, standard),
    end,
  ],
  'two-choices.sse': [
    openai,
    text('Yes', 0),
    text('No', 1),
    finish('stop', 0),
    finish('length', 1),
    used(9, 2, standard),
    end,
  ],
  'deepseek-reasoning.sse': [
    start('930c60df-bf64-41c9-a88e-3ec75f81e00e', 'deepseek-reasoner', 1763712001),
    thinking('7 is'),
    thinking(' prime.'),
    text('Yes.'),
    finish('stop'),
    used(16, 9, { cachedInputTokens: 8, reasoningTokens: 4 }),
    end,
  ],
  'azure.sse': [start('chatcmpl-AzT1', 'gpt-4o-2024-11-20', 1763712002), text('Hi'), finish('content-filter'), end],
  'vllm.sse': [
    start('chatcmpl-5f0d6c1e', 'Qwen/Qwen3-8B', 1763712003),
    thinking('Count.'),
    text('1, 2'),
    { type: 'finish', choice: 0, reason: 'stop-sequence', stopSequence: 'END' },
    used(14, 7),
    end,
  ],
  'gemini-compatible-tools.sse': [
    start('pV0gaeX', 'gemini-3-pro', 1763712004),
    {
      type: 'tool-call-start',
      choice: 0,
      call: 0,
      id: 'function-call-101',
      name: 'get_weather',
      signature: 'CiQBcsjafA==',
    },
    piece(0, '{"city":"Paris"}'),
    call(1, 'function-call-102', 'get_weather'),
    piece(1, '{"city":"Rome"}'),
    finish('tool-calls'),
    used(30, 65, { reasoningTokens: 45 }),
    end,
  ],
  'tool-calls-without-index-or-id.sse': [
    start('cmpl 7/a', 'local', 1763712005),
    call(0, 'call_cmpl_7_a_0_0', 'add'),
    piece(0, '{"a":1,"b":2}'),
    call(1, 'call_cmpl_7_a_0_1', 'now'),
    piece(1, '{}'),
    finish('tool-calls'),
    end,
  ],
  'litellm-thinking.sse': [
    start('chatcmpl-1b6e', 'claude-sonnet-5', 1763712006),
    thinking('Let me'),
    { type: 'thinking-signature', choice: 0, signature: 'EqoBCkgIARABGAIiQL8' },
    { type: 'redacted-thinking', choice: 0, data: 'EmwKAhgBEgy3va3p' },
    text('Done.'),
    finish('stop'),
    used(2100, 12, {
      cachedInputTokens: 1000,
      cacheWriteTokens: 1024,
      cacheWriteOneHourTokens: 1024,
      reasoningTokens: 5,
    }),
    end,
  ],
  'mistral-thinking.sse': [
    start('2f1c', 'magistral-medium-2509', 1763712007),
    thinking('Hm'),
    text('Four'),
    text('.'),
    finish('stop'),
    used(7, 5),
    end,
  ],
  'groq.sse': [
    start('chatcmpl-gq', 'openai/gpt-oss-120b', 1763712008),
    thinking('Simple.'),
    text('Hi'),
    finish('stop'),
    used(73, 25),
    end,
  ],
  'openrouter-error.sse': [
    start('gen-1763712009-x', 'meta-llama/llama-4', 1763712009),
    text('Once'),
    { type: 'error', message: 'Upstream error from DeepInfra: terminated', code: '502' },
  ],
  'error-in-stream.sse': [
    openai,
    text('Par'),
    {
      type: 'error',
      message: 'The server had an error while processing your request. Sorry about that!',
      code: 'server_error',
    },
  ],
  'error-event.sse': [
    start('gen-1763712009-x', 'meta-llama/llama-4', 1763712009),
    text('Once'),
    { type: 'error', message: 'model crashed', code: 'engine_dead' },
  ],
  'legacy-function-call.sse': [
    start('930c60df-bf64-41c9-a88e-3ec75f81e00e', 'deepseek-reasoner', 1763712001),
    call(0, 'call_930c60df-bf64-41c9-a88e-3ec75f81e00e_0_0', 'get_weather'),
    piece(0, '{"city":'),
    piece(0, '"Oslo"}'),
    finish('tool-calls'),
    end,
  ],
  'finish-without-done.sse': [openai, text('Hi'), finish('stop')],
}

for (const [name, events] of Object.entries(streams)) {
  test(`${name} says the same whole and cut at every byte`, () => {
    const bytes = fixtureBytes(`openai-chat/${name}`)
    assert.deepEqual(decode(bytes), events)
    for (let cut = 1; cut < bytes.length; cut += 1) {
      assert.deepEqual(decode(bytes.subarray(0, cut), bytes.subarray(cut)), events, `cut at ${cut}`)
    }
  })
}

test('a chunk that is not JSON is malformed, and the error shows it', () => {
  assert.throws(
    () => decode(Buffer.from('data: {"id": oops}\n\n')),
    (error) =>
      error instanceof GatewayError &&
      error.code === 'upstream_malformed' &&
      error.message === `the provider's stream held an event that is not a JSON object: "{\\"id\\": oops}"`,
  )
})

test('usage counted while the answer runs is told at its finish, also without a terminator', () => {
  const chunk = (choice: object, more: object = {}) =>
    `data: ${JSON.stringify({ id: 'x', choices: [{ index: 0, ...choice }], ...more })}\n\n`
  const counted = (completion_tokens: number) => ({ usage: { prompt_tokens: 1, completion_tokens } })
  const stream = [
    chunk({ delta: { content: 'a' } }, counted(1)),
    chunk({ delta: { content: 'b' } }, counted(2)),
    chunk({ delta: {}, finish_reason: 'stop' }),
  ]
  assert.deepEqual(decode(Buffer.from(stream.join(''))), [
    start('x', '', 0),
    text('a'),
    text('b'),
    finish('stop'),
    used(1, 2),
  ])
})

test('keep-alives mean nothing', () => {
  assert.deepEqual(decode(Buffer.from(': ping\n\ndata:\n\ndata: {"choices":[]}\n\n')), [])
})

test('a stream as the caller sees it', () => {
  const encoder = openaiChat.openEncoder({ model: 'mine', includeUsage: true })
  const events: readonly ChatEvent[] = [
    { type: 'start', id: 'msg_1', model: 'claude', created: 7 },
    { type: 'text-delta', choice: 0, text: 'Hi\n"🗼"' },
    { type: 'finish', choice: 0, reason: 'stop' },
    { type: 'usage', usage: { inputTokens: 3, outputTokens: 2 } },
    { type: 'end' },
  ]
  const chunk = (choices: string, usage = 'null') =>
    `data: {"id":"msg_1","object":"chat.completion.chunk","created":7,"model":"mine","choices":[${choices}],"usage":${usage}}\n\n`
  assert.deepEqual(
    events.map((event) => encoder.push(event)),
    [
      chunk('{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}'),
      chunk('{"index":0,"delta":{"content":"Hi\\n\\"🗼\\""},"logprobs":null,"finish_reason":null}'),
      chunk('{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}'),
      '',
      `${chunk('', '{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}')}data: [DONE]\n\n`,
    ],
  )
})

test('a caller who did not ask for usage sees none', () => {
  const encoder = openaiChat.openEncoder({ model: 'mine', includeUsage: false })
  const events: readonly ChatEvent[] = [
    { type: 'start', id: 'msg_1', model: 'claude', created: 7, usage: { inputTokens: 3, outputTokens: 0 } },
    { type: 'finish', choice: 0, reason: 'refusal' },
    { type: 'usage', usage: { inputTokens: 3, outputTokens: 2 } },
    { type: 'end' },
  ]
  const out = events.map((event) => encoder.push(event)).join('')
  assert.equal(out.includes('usage'), false)
  assert.ok(out.includes('"finish_reason":"content_filter"'))
  assert.ok(out.endsWith('data: [DONE]\n\n'))
})

test('an error in the stream has no terminator after it', () => {
  const encoder = openaiChat.openEncoder({ model: 'mine', includeUsage: false })
  assert.equal(
    encoder.fail(new GatewayError('upstream_cut', 'cut')),
    'data: {"error":{"message":"cut","type":"internal_server_error","param":null,"code":"502"}}\n\n',
  )
})
