import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixtureBytes, fixtureJson } from '../../../test/fixtures/read-fixture.ts'
import { jsonAt } from '../../../test/json-at.ts'
import type { ChatEvent, Warning } from '../../core/chat.ts'
import { callersName } from '../../core/parameter-names.ts'
import { isObject, type JsonObject } from '../../lib/json.ts'
import { createSseParser } from '../../lib/sse.ts'
import type { ChatDialect } from '../dialect.ts'
import { openaiChat } from '../openai-chat/openai-chat.ts'
import { anthropicMessages } from './anthropic-messages.ts'

/** A caller's body on its way to a provider of another dialect, as the data plane sends it. */
function translate(
  body: JsonObject,
  caller: ChatDialect,
  provider: ChatDialect,
  model: string,
): { readonly body: JsonObject; readonly warnings: readonly string[] } {
  const request = caller.decodeRequest(body)
  const encoded = provider.encodeRequest({ ...request, model })
  const warnings: readonly Warning[] = [...(request.warnings ?? []), ...encoded.warnings]
  const named = warnings.map((warning) => `${warning.type} ${callersName(caller.names, warning.parameter)}`)
  return { body: encoded.body, warnings: named }
}

const toAnthropic = (body: JsonObject, model = 'claude-sonnet-4-5') =>
  translate(body, openaiChat, anthropicMessages, model)
const toOpenAi = (body: JsonObject) => translate(body, anthropicMessages, openaiChat, 'gpt-5')

function translateStream(bytes: Buffer, provider: ChatDialect, caller: ChatDialect): string {
  const decoder = provider.openDecoder()
  const encoder = caller.openEncoder({ model: 'shown', includeUsage: true })
  const events: readonly ChatEvent[] = createSseParser()
    .push(bytes)
    .flatMap((event) => decoder.push(event))
  return events.map((event) => encoder.push(event)).join('')
}

function dataOf(sse: string): readonly JsonObject[] {
  return createSseParser()
    .push(Buffer.from(sse))
    .filter((event) => event.data !== '[DONE]')
    .map((event) => {
      const data: unknown = JSON.parse(event.data)
      assert.ok(isObject(data))
      return data
    })
}

const toolLoop: JsonObject = {
  model: 'public-name',
  messages: [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is in the picture, and the weather there?' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
        { type: 'image_url', image_url: { url: 'https://example.org/b.png' } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'call_A', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Kiel"}' } },
        { id: 'call_B', type: 'function', function: { name: 'now', arguments: '' } },
      ],
    },
    { role: 'tool', tool_call_id: 'call_A', content: 'Rain' },
    { role: 'tool', tool_call_id: 'call_B', content: '12:00' },
    { role: 'user', content: 'Thanks, and tomorrow?' },
  ],
  tools: [
    {
      type: 'function',
      function: {
        name: 'get_weather',
        description: 'Weather in a city.',
        parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      },
    },
    { type: 'function', function: { name: 'now' } },
  ],
  tool_choice: 'required',
  parallel_tool_calls: false,
  max_completion_tokens: 500,
  temperature: 1.4,
  stop: 'END',
  user: 'u-1',
  stream: true,
  stream_options: { include_usage: true },
}

test('a tool loop of OpenAI’s becomes one of Anthropic’s', () => {
  const { body, warnings } = toAnthropic(toolLoop)
  assert.deepEqual(body, {
    model: 'claude-sonnet-4-5',
    max_tokens: 500,
    system: [{ type: 'text', text: 'Be brief.' }],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is in the picture, and the weather there?' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
          { type: 'image', source: { type: 'url', url: 'https://example.org/b.png' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'call_A', name: 'get_weather', input: { city: 'Kiel' } },
          { type: 'tool_use', id: 'call_B', name: 'now', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'call_A', content: [{ type: 'text', text: 'Rain' }] },
          { type: 'tool_result', tool_use_id: 'call_B', content: [{ type: 'text', text: '12:00' }] },
          { type: 'text', text: 'Thanks, and tomorrow?' },
        ],
      },
    ],
    tools: [
      {
        name: 'get_weather',
        description: 'Weather in a city.',
        input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      },
      { name: 'now', input_schema: { type: 'object', properties: {} } },
    ],
    tool_choice: { type: 'any', disable_parallel_tool_use: true },
    temperature: 1,
    stop_sequences: ['END'],
    metadata: { user_id: 'u-1' },
    stream: true,
  })
  assert.deepEqual(warnings, ['changed temperature'])
})

test('a tool loop comes back to OpenAI as it was', () => {
  const there = toAnthropic(toolLoop).body
  const { body } = toOpenAi(there)
  assert.deepEqual(body.messages, [
    { role: 'system', content: 'Be brief.' },
    jsonAt(toolLoop, 'messages', 1),
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        jsonAt(toolLoop, 'messages', 2, 'tool_calls', 0),
        { id: 'call_B', type: 'function', function: { name: 'now', arguments: '{}' } },
      ],
    },
    ...[3, 4, 5].map((index) => jsonAt(toolLoop, 'messages', index)),
  ])
  assert.equal(body.tool_choice, 'required')
  assert.equal(body.parallel_tool_calls, false)
  assert.deepEqual(body.stop, ['END'])
  assert.equal(body.user, 'u-1')
})

test('what one of the two cannot say is reported in the caller’s words', () => {
  const question = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 10 }
  const openAi = {
    ...question,
    seed: 7,
    presence_penalty: 0.5,
    n: 2,
    logit_bias: { '50256': -100 },
    response_format: { type: 'json_object' },
    logprobs: false,
  }
  assert.deepEqual(toAnthropic(openAi).warnings, [
    'changed response_format',
    'unsupported seed',
    'unsupported presence_penalty',
    'unsupported n',
    'unsupported logit_bias',
  ])
  const anthropic = {
    ...question,
    top_k: 4,
    context_management: { edits: [] },
    tools: [{ type: 'web_search_20260209', name: 'web_search' }],
  }
  assert.deepEqual(toOpenAi(anthropic).warnings.toSorted(), [
    'changed context_management',
    'unsupported tools[0]',
    'unsupported top_k',
  ])
})

test('reasoning effort and schemas find Anthropic’s words', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
  const body: JsonObject = {
    model: 'm',
    messages: [{ role: 'user', content: 'Hi' }],
    max_tokens: 5000,
    reasoning_effort: 'high',
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
  }
  const budgeted = toAnthropic(body)
  assert.deepEqual(budgeted.body.thinking, { type: 'enabled', budget_tokens: 4096 })
  assert.deepEqual(budgeted.body.output_config, { format: { type: 'json_schema', schema } })
  assert.deepEqual(budgeted.warnings, [])
  const adaptive = toAnthropic(body, 'claude-opus-5-5')
  assert.deepEqual(adaptive.body.thinking, { type: 'adaptive', display: 'summarized' })
  assert.deepEqual(adaptive.body.output_config, { effort: 'high', format: { type: 'json_schema', schema } })
  assert.deepEqual(adaptive.warnings, [])
  const back = toOpenAi(adaptive.body).body
  assert.equal(back.reasoning_effort, 'high')
  assert.deepEqual(jsonAt(back, 'response_format', 'json_schema', 'schema'), schema)
})

test('thinking that LiteLLM’s callers send back reaches Anthropic with its signature', () => {
  const block = { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }
  const { body } = toAnthropic({
    model: 'm',
    max_tokens: 10,
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello', reasoning_content: 'Hm.', thinking_blocks: [block] },
      { role: 'user', content: 'Again' },
    ],
  })
  assert.deepEqual(jsonAt(body, 'messages', 1, 'content'), [block, { type: 'text', text: 'Hello' }])
})

test('an answer of OpenAI’s becomes a message, also where its finish reason is wrong', () => {
  const response = openaiChat.decodeResponse(fixtureJson('openai-chat/tool-calls.json'))
  const message = anthropicMessages.encodeResponse(response, 'shown')
  assert.deepEqual(message.content, [
    { type: 'tool_use', id: 'call_A', name: 'get_weather', input: { city: 'Paris' } },
    { type: 'tool_use', id: 'call_B', name: 'now', input: {} },
  ])
  assert.equal(message.stop_reason, 'tool_use')
  assert.equal(jsonAt(message, 'usage', 'input_tokens'), 82)
})

test('an answer of Anthropic’s becomes a completion', () => {
  const response = anthropicMessages.decodeResponse(fixtureJson('anthropic-messages/cached.json'))
  const completion = openaiChat.encodeResponse(response, 'shown')
  assert.equal(jsonAt(completion, 'choices', 0, 'message', 'content'), 'Yes.')
  assert.equal(jsonAt(completion, 'choices', 0, 'finish_reason'), 'stop')
  assert.equal(jsonAt(completion, 'usage', 'prompt_tokens'), 2121)
  assert.equal(jsonAt(completion, 'usage', 'prompt_tokens_details', 'cached_tokens'), 1800)
  const tools = anthropicMessages.decodeResponse(fixtureJson('anthropic-messages/tool-use.json'))
  const calls = openaiChat.encodeResponse(tools, 'shown')
  assert.equal(jsonAt(calls, 'choices', 0, 'finish_reason'), 'tool_calls')
  assert.equal(jsonAt(calls, 'choices', 0, 'message', 'tool_calls', 1, 'function', 'arguments'), '{}')
  const refusal = anthropicMessages.decodeResponse(fixtureJson('anthropic-messages/refusal.json'))
  const refused = openaiChat.encodeResponse(refusal, 'shown')
  assert.equal(jsonAt(refused, 'choices', 0, 'message', 'refusal'), 'The request asks for malware.')
})

/** The blocks of a stream of Anthropic's, with their deltas joined. */
function blocksOf(sse: string): readonly unknown[] {
  const blocks: Record<string, unknown>[] = []
  for (const data of dataOf(sse)) {
    if (data.type === 'content_block_start') {
      assert.equal(data.index, blocks.length)
      assert.ok(isObject(data.content_block))
      const { type, name } = data.content_block
      blocks.push({ type, ...(name === undefined ? {} : { name }), said: '' })
    }
    if (data.type === 'content_block_delta') {
      assert.equal(data.index, blocks.length - 1)
      const last = blocks.at(-1)
      assert.ok(last && isObject(data.delta))
      const { text, thinking, partial_json, signature } = data.delta
      last.said = `${last.said}${text ?? thinking ?? partial_json ?? signature}`
    }
  }
  return blocks
}

test('streams of OpenAI’s kind become Anthropic’s blocks', () => {
  const stream = (name: string) => translateStream(fixtureBytes(`openai-chat/${name}`), openaiChat, anthropicMessages)
  assert.deepEqual(blocksOf(stream('tool-calls-parallel.sse')), [
    { type: 'tool_use', name: 'get_weather', said: '{"city":"Paris"}' },
    { type: 'tool_use', name: 'get_time', said: '{"zone":"CET"}' },
  ])
  assert.deepEqual(blocksOf(stream('deepseek-reasoning.sse')), [
    { type: 'thinking', said: '7 is prime.' },
    { type: 'text', said: 'Yes.' },
  ])
  assert.deepEqual(blocksOf(stream('refusal.sse')), [{ type: 'text', said: "I'm sorry, I can't help with that." }])
  const ending = (name: string) => dataOf(stream(name)).at(-2)
  assert.deepEqual(ending('tool-calls-parallel.sse'), {
    type: 'message_delta',
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: {
      input_tokens: 82,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 51,
      service_tier: 'standard',
    },
  })
  assert.equal(jsonAt(ending('refusal.sse'), 'delta', 'stop_reason'), 'refusal')
  assert.equal(jsonAt(dataOf(stream('text.sse'))[0], 'message', 'model'), 'shown')
})

test('streams of Anthropic’s become OpenAI’s chunks', () => {
  const stream = (name: string) =>
    translateStream(fixtureBytes(`anthropic-messages/${name}`), anthropicMessages, openaiChat)
  const deltas = (name: string, ...path: readonly (string | number)[]) =>
    dataOf(stream(name))
      .map((chunk) => jsonAt(chunk, 'choices', 0, 'delta', ...path))
      .filter((value) => typeof value === 'string')
      .join('')
  assert.equal(deltas('text.sse', 'content'), 'Grüße, 世界 🛫\n\nEnd.')
  assert.equal(deltas('thinking.sse', 'reasoning_content'), '27 × 453: 20 × 453 = 9060')
  assert.equal(deltas('thinking.sse', 'thinking_blocks', 0, 'signature'), 'EqQBCgIYAhIM1gbcDa9GJwZA2b3h')
  assert.equal(
    deltas('tools-parallel.sse', 'tool_calls', 0, 'function', 'arguments'),
    '{"location": "Zürich {\\"CH\\"}"}{}{"harbour":"Kiel"}',
  )
  assert.ok(stream('thinking.sse').endsWith('data: [DONE]\n\n'))
  const usage = jsonAt(dataOf(stream('thinking.sse')).at(-1), 'usage')
  assert.equal(jsonAt(usage, 'prompt_tokens'), 3112)
  assert.equal(jsonAt(usage, 'completion_tokens_details', 'reasoning_tokens'), 60)
})

test('a stream that goes to OpenAI’s form and back says the same', () => {
  for (const name of ['text.sse', 'tools-parallel.sse', 'thinking.sse']) {
    const bytes = fixtureBytes(`anthropic-messages/${name}`)
    const there = translateStream(bytes, anthropicMessages, openaiChat)
    const back = translateStream(Buffer.from(there), openaiChat, anthropicMessages)
    assert.deepEqual(blocksOf(back), blocksOf(translateStream(bytes, anthropicMessages, anthropicMessages)))
  }
})
