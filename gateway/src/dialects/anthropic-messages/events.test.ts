import assert from 'node:assert/strict'
import { test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import fc from 'fast-check'
import { fixtureBytes } from '../../../test/fixtures/read-fixture.ts'
import { jsonAt } from '../../../test/json-at.ts'
import type { ChatEvent } from '../../core/chat.ts'
import { GatewayError } from '../../core/errors.ts'
import { isObject, type JsonObject } from '../../lib/json.ts'
import { createSseParser } from '../../lib/sse.ts'
import { openDecoder, openEncoder } from './events.ts'

const fixtures = ['text', 'tools-parallel', 'thinking', 'web-search', 'refusal', 'error-overloaded'] as const

function decode(bytes: Buffer, chunkEnds: readonly number[] = []): readonly ChatEvent[] {
  const parser = createSseParser()
  const decoder = openDecoder()
  const events: ChatEvent[] = []
  let start = 0
  for (const end of [...chunkEnds, bytes.length]) {
    for (const event of parser.push(bytes.subarray(start, end))) events.push(...decoder.push(event))
    start = end
  }
  return events
}

function decodeFixture(name: string): readonly ChatEvent[] {
  return decode(fixtureBytes(`anthropic-messages/${name}.sse`))
}

function encode(events: readonly ChatEvent[]): string {
  const encoder = openEncoder({ model: 'shown', includeUsage: false })
  return events.map((event) => encoder.push(event)).join('')
}

/** The data of each event; also proves that the `event:` line says the type. */
function dataOf(sse: string): readonly JsonObject[] {
  return createSseParser()
    .push(Buffer.from(sse))
    .map((event) => {
      const data: unknown = JSON.parse(event.data)
      assert.ok(isObject(data))
      assert.equal(event.event, data.type)
      return data
    })
}

const start: ChatEvent = { type: 'start', id: 'id', model: 'm', created: 0 }
const end: ChatEvent = { type: 'end' }
const text = (value: string): ChatEvent => ({ type: 'text-delta', choice: 0, text: value })
const finish = (reason: 'stop' | 'tool-calls'): ChatEvent => ({ type: 'finish', choice: 0, reason })
const opened = (call: number, name = `f${call}`): ChatEvent => ({
  type: 'tool-call-start',
  choice: 0,
  call,
  id: `c${call}`,
  name,
})
const filled = (call: number, json: string): ChatEvent => ({
  type: 'tool-call-delta',
  choice: 0,
  call,
  arguments: json,
})

test('text is read as it comes, with usage from both ends of the stream', () => {
  assert.deepEqual(decodeFixture('text'), [
    {
      type: 'start',
      id: 'msg_01XFDUDYJgAACzvnptvVoYEL',
      model: 'claude-sonnet-4-5-20250929',
      created: 0,
      usage: {
        inputTokens: 25,
        outputTokens: 1,
        cachedInputTokens: 0,
        cacheWriteTokens: 0,
        cacheWriteOneHourTokens: 0,
        serviceTier: 'standard',
      },
    },
    text('Grüße'),
    text(', 世界 🛫'),
    text('\n\nEnd.'),
    finish('stop'),
    {
      type: 'usage',
      usage: {
        inputTokens: 25,
        outputTokens: 15,
        cachedInputTokens: 0,
        cacheWriteTokens: 0,
        cacheWriteOneHourTokens: 0,
        serviceTier: 'standard',
      },
    },
    end,
  ])
})

test('parallel tool calls are numbered, one without arguments gets an empty object', () => {
  assert.deepEqual(decodeFixture('tools-parallel').slice(1, -2), [
    text('I will look at all three.'),
    { type: 'tool-call-start', choice: 0, call: 0, id: 'toolu_01T1x1fJ34qAmk2tNTrN7Up6', name: 'get_weather' },
    filled(0, '{"location":'),
    filled(0, ' "Zürich {\\"CH\\"}"}'),
    { type: 'tool-call-start', choice: 0, call: 1, id: 'toolu_01A09q90qw90lq917835lq9a', name: 'get_time' },
    filled(1, '{}'),
    { type: 'tool-call-start', choice: 0, call: 2, id: 'toolu_01Whole', name: 'get_tide' },
    filled(2, '{"harbour":"Kiel"}'),
    finish('tool-calls'),
  ])
})

test('thinking, its signature, redacted thinking and a stop sequence are read', () => {
  assert.deepEqual(decodeFixture('thinking').slice(1), [
    { type: 'thinking-delta', choice: 0, text: '27 × 453: ' },
    { type: 'thinking-delta', choice: 0, text: '20 × 453 = 9060' },
    { type: 'thinking-signature', choice: 0, signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3h' },
    { type: 'redacted-thinking', choice: 0, data: 'EmwKAhgBEgy3va3pzix' },
    text('12231'),
    { type: 'finish', choice: 0, reason: 'stop-sequence', stopSequence: '###' },
    {
      type: 'usage',
      usage: {
        inputTokens: 3112,
        outputTokens: 96,
        cachedInputTokens: 2048,
        cacheWriteTokens: 1024,
        cacheWriteOneHourTokens: 1000,
        reasoningTokens: 60,
      },
    },
    end,
  ])
})

test('what Anthropic ran itself and citations say nothing, the text beside them does', () => {
  const events = decodeFixture('web-search')
  assert.deepEqual(
    events.map((event) => event.type),
    ['start', 'text-delta', 'finish', 'usage', 'end'],
  )
  assert.deepEqual(events[2], { type: 'finish', choice: 0, reason: 'pause' })
})

test('a refusal tells why', () => {
  assert.deepEqual(decodeFixture('refusal').slice(1, 3), [
    { type: 'refusal-delta', choice: 0, text: 'The request asks for malware.' },
    { type: 'finish', choice: 0, reason: 'refusal' },
  ])
})

test('an error inside the stream is the last event, whatever follows', () => {
  const bytes = Buffer.concat([
    fixtureBytes('anthropic-messages/error-overloaded.sse'),
    fixtureBytes('anthropic-messages/text.sse'),
  ])
  assert.deepEqual(decode(bytes).slice(1), [
    text('Hel'),
    { type: 'error', message: 'Overloaded', code: 'overloaded_error' },
  ])
})

test('events, blocks and deltas of the future are passed over', () => {
  const decoder = openDecoder()
  for (const data of [
    '{"type":"message_thought"}',
    '{"type":"content_block_start","index":0,"content_block":{"type":"video"}}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"frame_delta"}}',
    '{"type":"content_block_delta","index":9,"delta":{"type":"input_json_delta","partial_json":"{"}}',
    '{"type":"content_block_stop","index":0}',
    '{"type":"message_delta"}',
    '{}',
  ]) {
    assert.deepEqual(decoder.push({ data }), [])
  }
})

test('a stream that ends without a stop reason is finished all the same', () => {
  assert.deepEqual(openDecoder().push({ data: '{"type":"message_stop"}' }), [finish('stop'), end])
})

test('an event that is not JSON is malformed', () => {
  for (const data of ['{"type":', '[1]', 'null']) {
    assert.throws(
      () => openDecoder().push({ event: 'message_start', data }),
      (error) => error instanceof GatewayError && error.code === 'upstream_malformed',
    )
  }
})

test('chunks may end anywhere, also inside a character', () => {
  for (const name of fixtures) {
    const bytes = fixtureBytes(`anthropic-messages/${name}.sse`)
    const whole = decode(bytes)
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 40 }), (cuts) => {
        assert.deepEqual(
          decode(
            bytes,
            cuts.sort((a, b) => a - b),
          ),
          whole,
        )
      }),
      { numRuns: 20 },
    )
    assert.deepEqual(decode(bytes, Array.from(bytes.keys())), whole)
  }
})

test('a whole stream is written in Anthropic’s order, under the name to show', () => {
  const usage = { inputTokens: 12, outputTokens: 7, cachedInputTokens: 4 }
  const sse = encode([start, text('A'), text('B'), finish('stop'), { type: 'usage', usage }, end])
  assert.equal(
    sse,
    `event: message_start
data: {"type":"message_start","message":{"id":"id","type":"message","role":"assistant","model":"shown","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"A"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"B"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":8,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":7}}

event: message_stop
data: {"type":"message_stop"}

`,
  )
})

test('message_start tells the input tokens that are known by then', () => {
  const [message] = dataOf(encode([{ ...start, usage: { inputTokens: 9, outputTokens: 1 } }]))
  assert.deepEqual(jsonAt(message, 'message', 'usage'), {
    input_tokens: 9,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 1,
  })
})

test('every delta is written at once while blocks come one after the other', () => {
  const encoder = openEncoder({ model: 'm', includeUsage: false })
  const types = (event: ChatEvent) => dataOf(encoder.push(event)).map((data) => data.type)
  assert.deepEqual(types(start), ['message_start'])
  assert.deepEqual(types({ type: 'thinking-delta', choice: 0, text: 'a' }), [
    'content_block_start',
    'content_block_delta',
  ])
  assert.deepEqual(types(text('b')), ['content_block_stop', 'content_block_start', 'content_block_delta'])
  assert.deepEqual(types(opened(0)), ['content_block_stop', 'content_block_start'])
  assert.deepEqual(types(filled(0, '{"a":')), ['content_block_delta'])
  assert.deepEqual(types(filled(0, '1}')), ['content_block_delta'])
  assert.deepEqual(types(opened(1)), ['content_block_stop', 'content_block_start'])
  assert.deepEqual(types(filled(1, '{}')), ['content_block_delta'])
  assert.deepEqual(types(finish('tool-calls')), ['content_block_stop'])
  assert.deepEqual(types({ type: 'usage', usage: { inputTokens: 1, outputTokens: 1 } }), [])
  assert.deepEqual(types(end), ['message_delta', 'message_stop'])
})

test('tool calls that an upstream fills in turns do not interleave', () => {
  const events = [
    start,
    opened(0),
    opened(1),
    filled(1, '{"b":'),
    filled(0, '{"a":"}'),
    filled(1, '[2]}'),
    filled(0, '"}'),
    filled(0, '  '),
    finish('tool-calls'),
    end,
  ]
  assert.deepEqual(
    dataOf(encode(events))
      .slice(1, -2)
      .map((data) => [data.type, data.index, jsonAt(data, 'delta', 'partial_json')]),
    [
      ['content_block_start', 0, undefined],
      ['content_block_delta', 0, '{"a":"}'],
      ['content_block_delta', 0, '"}'],
      ['content_block_stop', 0, undefined],
      ['content_block_start', 1, undefined],
      ['content_block_delta', 1, '{"b":[2]}'],
      ['content_block_stop', 1, undefined],
    ],
  )
})

test('a call without arguments and one that was cut both end as blocks', () => {
  const deltas = dataOf(encode([start, opened(0), opened(1), filled(1, '{"cut'), finish('tool-calls'), end]))
    .filter((data) => data.type === 'content_block_delta')
    .map((data) => jsonAt(data, 'delta', 'partial_json'))
  assert.deepEqual(deltas, ['{}', '{"cut'])
})

test('text that comes while a call is open waits for its end', () => {
  const sse = encode([start, opened(0), filled(0, '{'), text('x'), text('y'), filled(0, '}'), end])
  assert.deepEqual(
    dataOf(sse)
      .filter((data) => data.type === 'content_block_delta')
      .map((data) => [data.index, data.delta]),
    [
      [0, { type: 'input_json_delta', partial_json: '{' }],
      [0, { type: 'input_json_delta', partial_json: '}' }],
      [1, { type: 'text_delta', text: 'xy' }],
    ],
  )
})

test('a signature ends its thinking; thinking that is not shown still has one', () => {
  const thinking = (value: string): ChatEvent => ({ type: 'thinking-delta', choice: 0, text: value })
  const signature = (value: string): ChatEvent => ({ type: 'thinking-signature', choice: 0, signature: value })
  const sse = encode([
    start,
    signature('s1'),
    thinking('a'),
    signature('s2'),
    { type: 'redacted-thinking', choice: 0, data: 'r' },
    text('t'),
    end,
  ])
  assert.deepEqual(
    dataOf(sse)
      .slice(1, -2)
      .filter((data) => data.type !== 'content_block_stop')
      .map((data) => [data.index, data.content_block ?? data.delta]),
    [
      [0, { type: 'thinking', thinking: '', signature: '' }],
      [0, { type: 'signature_delta', signature: 's1' }],
      [1, { type: 'thinking', thinking: '', signature: '' }],
      [1, { type: 'thinking_delta', thinking: 'a' }],
      [1, { type: 'signature_delta', signature: 's2' }],
      [2, { type: 'redacted_thinking', data: 'r' }],
      [3, { type: 'text', text: '' }],
      [3, { type: 'text_delta', text: 't' }],
    ],
  )
})

test('a refusal is text that ends in a refusal', () => {
  const data = dataOf(encode([start, { type: 'refusal-delta', choice: 0, text: 'No.' }, finish('stop'), end]))
  assert.equal(jsonAt(data.at(-2), 'delta', 'stop_reason'), 'refusal')
})

test('further answers are left out: Anthropic has one', () => {
  const other: ChatEvent = { type: 'text-delta', choice: 1, text: 'other' }
  assert.equal(encode([start, other, text('x'), end]), encode([start, text('x'), end]))
})

test('an answer without content is a start and an end', () => {
  assert.deepEqual(
    dataOf(encode([start, finish('stop'), end])).map((data) => data.type),
    ['message_start', 'message_delta', 'message_stop'],
  )
})

test('content before a start gets one', () => {
  assert.equal(dataOf(encode([text('x'), end]))[0]?.type, 'message_start')
})

test('an error ends the stream in-band, without message_stop', () => {
  const encoder = openEncoder({ model: 'm', includeUsage: false })
  encoder.push(start)
  const upstream = encoder.push({ type: 'error', message: 'Overloaded', code: 'overloaded_error' })
  assert.equal(
    upstream,
    'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
  )
  assert.equal(encoder.push(end), '')
  const own = openEncoder({ model: 'm', includeUsage: false })
  assert.equal(
    own.fail(new GatewayError('upstream_cut', 'The provider’s stream was cut.')),
    'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"The provider’s stream was cut."}}\n\n',
  )
})

/** What a client makes of a stream: its own SDK's reading. */
async function readBySdk(sse: string): Promise<Anthropic.Message> {
  const client = new Anthropic({
    apiKey: 'x',
    maxRetries: 0,
    fetch: async () => new Response(sse, { headers: { 'content-type': 'text/event-stream' } }),
  })
  return await client.messages
    .stream({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'x' }] })
    .finalMessage()
}

test('Anthropic’s own client reads what is written from what is read', async () => {
  const message = await readBySdk(encode(decodeFixture('tools-parallel')))
  assert.equal(message.model, 'shown')
  assert.equal(message.stop_reason, 'tool_use')
  assert.deepEqual(
    message.content.map((block) => (block.type === 'tool_use' ? block.input : block.type)),
    ['text', { location: 'Zürich {"CH"}' }, {}, { harbour: 'Kiel' }],
  )
  assert.equal(message.usage.input_tokens, 472)
  assert.equal(message.usage.output_tokens, 89)
})

const piece = fc.string({ minLength: 1, maxLength: 5 })
const step = fc.oneof(
  fc.record({ kind: fc.constant('text' as const), value: piece }),
  fc.record({ kind: fc.constant('thinking' as const), value: piece }),
  fc.record({ kind: fc.constant('open' as const) }),
  fc.record({ kind: fc.constant('fill' as const), which: fc.nat({ max: 3 }), letter: fc.constantFrom('a', '}', '"') }),
)

test('any order of deltas makes blocks that never interleave and lose nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const values: string[] = []
      let said = ''
      let thought = ''
      const events: ChatEvent[] = [start]
      for (const { kind, ...rest } of steps) {
        if (kind === 'text' && 'value' in rest) {
          said += rest.value
          events.push(text(rest.value))
        } else if (kind === 'thinking' && 'value' in rest) {
          thought += rest.value
          events.push({ type: 'thinking-delta', choice: 0, text: rest.value })
        } else if (kind === 'open') {
          events.push(opened(values.length), filled(values.length, '{"k":"'))
          values.push('')
        } else if ('which' in rest && values[rest.which] !== undefined) {
          values[rest.which] += rest.letter
          events.push(filled(rest.which, JSON.stringify(rest.letter).slice(1, -1)))
        }
      }
      for (const call of values.keys()) events.push(filled(call, '"}'))
      const message = await readBySdk(encode([...events, finish('stop'), end]))
      const inputs = message.content.flatMap((block) => (block.type === 'tool_use' ? [block.input] : []))
      const texts = message.content.flatMap((block) => (block.type === 'text' ? [block.text] : []))
      const thoughts = message.content.flatMap((block) => (block.type === 'thinking' ? [block.thinking] : []))
      assert.deepEqual(
        inputs,
        values.map((k) => ({ k })),
      )
      assert.equal(texts.join(''), said)
      assert.equal(thoughts.join(''), thought)
      assert.equal(message.stop_reason, values.length > 0 ? 'tool_use' : 'end_turn')
    }),
    { numRuns: 100 },
  )
})

test('what is written reads back as what it was written from', () => {
  for (const name of ['text', 'tools-parallel', 'thinking'] as const) {
    const once = decodeFixture(name)
    const again = decode(Buffer.from(encode(once)))
    const rename = (event: ChatEvent) => (event.type === 'start' ? { ...event, model: 'shown' } : event)
    assert.deepEqual(again, once.map(rename))
  }
})
