import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assistantParts, usages } from '../../../test/anthropic-arbitraries.ts'
import { fixtureJson } from '../../../test/fixtures/read-fixture.ts'
import type { ChatChoice, ChatResponse } from '../../core/chat.ts'
import { GatewayError } from '../../core/errors.ts'
import { anthropicMessages } from './anthropic-messages.ts'

const { decodeResponse, encodeResponse, usageOf } = anthropicMessages

function decoded(name: string): ChatResponse {
  return decodeResponse(fixtureJson(`anthropic-messages/${name}`))
}

function answer(choice: Partial<ChatChoice>): ChatResponse {
  return {
    id: 'chatcmpl-1',
    model: 'gpt',
    created: 1,
    choices: [{ index: 0, content: [], finish: 'stop', ...choice }],
    usage: { inputTokens: 10, outputTokens: 5 },
    extra: {},
  }
}

test('tool calls are read with their arguments as JSON text; what Anthropic ran itself is left out', () => {
  assert.deepEqual(decoded('tool-use.json'), {
    id: 'msg_01Tools',
    model: 'claude-sonnet-4-5-20250929',
    created: 0,
    choices: [
      {
        index: 0,
        content: [
          { type: 'text', text: 'I’ll check.' },
          {
            type: 'tool-call',
            id: 'toolu_01A09q90qw90lq917835lq9',
            name: 'get_weather',
            arguments: '{"location":"San Francisco, CA","days":[1,2.5]}',
          },
          { type: 'tool-call', id: 'toolu_02', name: 'get_time', arguments: '{}' },
        ],
        finish: 'tool-calls',
      },
    ],
    usage: { inputTokens: 403, outputTokens: 71 },
    extra: {},
  })
})

test('thinking keeps its signature and its redacted parts', () => {
  const [choice] = decoded('redacted-thinking.json').choices
  assert.deepEqual(
    choice?.content.map((part) => part.type),
    ['thinking', 'redacted-thinking', 'text'],
  )
  assert.deepEqual(
    encodeResponse(decoded('redacted-thinking.json'), 'm').content,
    fixtureJson('anthropic-messages/redacted-thinking.json').content,
  )
})

test('a refusal says why where Anthropic does', () => {
  assert.deepEqual(decoded('refusal.json').choices[0], {
    index: 0,
    content: [{ type: 'refusal', text: 'The request asks for malware.' }],
    finish: 'refusal',
  })
})

test('usage counts cached and written tokens into the input, and they come out again', () => {
  const usage = {
    inputTokens: 2121,
    outputTokens: 393,
    cachedInputTokens: 1800,
    cacheWriteTokens: 300,
    cacheWriteOneHourTokens: 200,
    reasoningTokens: 350,
    serviceTier: 'priority',
  }
  const response = decoded('cached.json')
  assert.deepEqual(response.usage, usage)
  assert.equal(response.serviceTier, 'priority')
  assert.deepEqual(usageOf(fixtureJson('anthropic-messages/cached.json')), usage)
  assert.deepEqual(encodeResponse(response, 'm').usage, fixtureJson('anthropic-messages/cached.json').usage)
  assert.equal(usageOf({}), undefined)
})

test('every stop reason has its finish, and a newer one counts as a normal end', () => {
  const finish = (stop_reason: string) => decodeResponse({ content: [], stop_reason }).choices[0]?.finish
  assert.deepEqual(
    [
      'end_turn',
      'max_tokens',
      'stop_sequence',
      'tool_use',
      'pause_turn',
      'refusal',
      'model_context_window_exceeded',
      'toString',
    ].map(finish),
    ['stop', 'length', 'stop-sequence', 'tool-calls', 'pause', 'refusal', 'length', 'stop'],
  )
})

test('an answer of another provider becomes a message under the name to show', () => {
  const content = [
    { type: 'thinking', text: 'Hm.' },
    { type: 'text', text: '' },
    { type: 'text', text: 'Hello' },
    { type: 'tool-call', id: 'call_1', name: 'f', arguments: '' },
    { type: 'tool-call', id: 'call_2', name: 'g', arguments: '{"cut' },
  ] as const
  assert.deepEqual(encodeResponse(answer({ content }), 'shown'), {
    id: 'chatcmpl-1',
    type: 'message',
    role: 'assistant',
    model: 'shown',
    content: [
      { type: 'thinking', thinking: 'Hm.', signature: '' },
      { type: 'text', text: 'Hello' },
      { type: 'tool_use', id: 'call_1', name: 'f', input: {} },
      { type: 'tool_use', id: 'call_2', name: 'g', input: { arguments: '{"cut' } },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 5 },
  })
})

test('the stop reason tells what the content holds', () => {
  const reason = (choice: Partial<ChatChoice>) => encodeResponse(answer(choice), 'm').stop_reason
  assert.equal(reason({ finish: 'stop' }), 'end_turn')
  assert.equal(reason({ finish: 'length' }), 'max_tokens')
  assert.equal(reason({ finish: 'content-filter' }), 'refusal')
  assert.equal(reason({ finish: 'stop', content: [{ type: 'refusal', text: 'No.' }] }), 'refusal')
  assert.equal(reason({ finish: 'pause' }), 'pause_turn')
  const sequence = encodeResponse(answer({ finish: 'stop-sequence', stopSequence: '###' }), 'm')
  assert.deepEqual([sequence.stop_reason, sequence.stop_sequence], ['stop_sequence', '###'])
})

test('an answer without choices is an empty message', () => {
  const { content, stop_reason } = encodeResponse({ ...answer({}), choices: [] }, 'm')
  assert.deepEqual({ content, stop_reason }, { content: [], stop_reason: 'end_turn' })
})

test('an answer that is no message is malformed', () => {
  for (const body of [{}, { content: 'text' }, { content: [null] }]) {
    assert.throws(
      () => decodeResponse(body),
      (error) => error instanceof GatewayError && error.code === 'upstream_malformed',
    )
  }
})

test('any answer survives a trip through Anthropic’s form', () => {
  fc.assert(
    fc.property(assistantParts, usages, (content, usage) => {
      const finish = content.some((part) => part.type === 'tool-call') ? 'tool-calls' : 'stop'
      const response = { ...answer({ content, finish }), model: 'm', created: 0, usage }
      assert.deepEqual(decodeResponse(encodeResponse(response, 'm')), response)
    }),
    { numRuns: 200 },
  )
})
