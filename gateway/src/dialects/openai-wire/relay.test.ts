import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { chatEvents } from '../../../test/arbitrary-chat.ts'
import { fixtureBytes } from '../../../test/fixtures/read-fixture.ts'
import type { ChatEvent } from '../../core/chat.ts'
import { createSseParser, createSseSplitter } from '../../lib/sse.ts'
import type { EventRelay, RelayOptions } from '../dialect.ts'
import { openaiChat } from '../openai-chat/openai-chat.ts'
import { openaiCompletions } from '../openai-completions/openai-completions.ts'

const asIs: RelayOptions = { model: undefined, includeUsage: true }

function relay(
  bytes: Buffer | string,
  options: RelayOptions,
  dialect = openaiChat,
): { text: string; relay: EventRelay } {
  const open = dialect.openRelay(options)
  const out: Buffer[] = []
  for (const event of createSseSplitter().push(Buffer.from(bytes))) {
    out.push(open.push(event))
    if (open.failure !== undefined) break
  }
  return { text: Buffer.concat(out).toString('utf8'), relay: open }
}

function decode(text: string): readonly ChatEvent[] {
  const decoder = openaiChat.openDecoder()
  return createSseParser()
    .push(Buffer.from(text))
    .flatMap((event) => decoder.push(event))
}

const files = readdirSync(new URL('../../../test/fixtures/openai-chat/', import.meta.url))

for (const name of files.filter((file) => file.endsWith('.sse') && !file.includes('error'))) {
  test(`${name} passes byte by byte where nothing is to be changed`, () => {
    const bytes = fixtureBytes(`openai-chat/${name}`)
    const passed = relay(bytes, asIs)
    assert.equal(passed.text, bytes.toString('utf8'))
    assert.equal(passed.relay.finished, name !== 'finish-without-done.sse')
    assert.equal(passed.relay.started, true)
    assert.equal(passed.relay.failure, undefined)
  })

  test(`${name} is the same but for the model's name`, () => {
    const bytes = fixtureBytes(`openai-chat/${name}`)
    const renamed = decode(relay(bytes, { model: 'mine "é"', includeUsage: true }).text)
    const expected = decode(bytes.toString('utf8')).map((event) =>
      event.type === 'start' ? { ...event, model: 'mine "é"' } : event,
    )
    assert.deepEqual(renamed, expected)
  })
}

test('any stream is the same but for the model’s name and the usage that was not asked for', () => {
  fc.assert(
    fc.property(chatEvents, fc.string({ unit: 'binary' }), fc.boolean(), (events, model, includeUsage) => {
      const encoder = openaiChat.openEncoder({ model: 'upstream', includeUsage: true })
      const relayed = relay(events.map((event) => encoder.push(event)).join(''), { model, includeUsage })
      const expected = events
        .filter((event) => event.type !== 'usage' || includeUsage)
        .map((event) => (event.type === 'start' ? { ...event, model } : event))
      assert.deepEqual(decode(relayed.text), expected)
      const counted = events.find((event) => event.type === 'usage')
      assert.deepEqual(relayed.relay.usage, counted && { ...counted.usage, model: 'upstream' })
    }),
  )
})

const chunk = (delta: object, more: object = {}) =>
  `data: ${JSON.stringify({ id: 'x', model: 'm', choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`
const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const content = chunk({ content: 'a' })

test('content starts at the first delta that says something', () => {
  const open = openaiChat.openRelay(asIs)
  const silent = [
    ': ping\n\n',
    'data: {"choices":[],"id":""}\n\n',
    chunk({ role: 'assistant', content: '', refusal: null }),
  ]
  for (const event of silent) {
    open.push(Buffer.from(event))
    assert.equal(open.started, false, event)
  }
  open.push(Buffer.from(chunk({ tool_calls: [{ index: 0 }] })))
  assert.equal(open.started, true)
})

test('usage that was not asked for is read and hidden, in a chunk of its own or beside content', () => {
  const own = `data: ${JSON.stringify({ id: 'x', model: 'm', choices: [], usage })}\n\n`
  const beside = chunk({ content: 'b' }, { usage })
  for (const [stream, shown] of [
    [content + own, content],
    [content + beside, content + chunk({ content: 'b' }, { usage: null })],
    [own, ''],
  ] as const) {
    const passed = relay(stream, { model: undefined, includeUsage: false })
    assert.equal(passed.text, shown)
    assert.deepEqual(passed.relay.usage, { inputTokens: 3, outputTokens: 2, model: 'm' })
    assert.equal(relay(stream, asIs).text, stream)
  }
})

test('what a model writes cannot look like usage, an error or a model', () => {
  const written = chunk({ content: '"usage":{"prompt_tokens":9},"error":{"message":"x"},"model":"y"' })
  const passed = relay(content + written, { model: 'mine', includeUsage: false })
  assert.equal(passed.text, (content + written).replaceAll('"model":"m"', '"model":"mine"'))
  assert.deepEqual([passed.relay.usage, passed.relay.failure], [undefined, undefined])
})

const failures: readonly (readonly [stream: string, message: string, code: string | undefined])[] = [
  ['data: {"error":{"message":"boom","type":"server_error","code":null}}\n\n', 'boom', 'server_error'],
  ['data: {"error":"boom"}\n\n', 'boom', undefined],
  ['data: {"object":"error","message":"boom","code":400}\n\n', 'boom', '400'],
  ['event: error\ndata: {"message":"boom"}\n\n', 'boom', undefined],
  ['data: {"error":{"code":5}}\n\n', 'the provider reported an error without a message: {"code":5}', '5'],
  [
    'data: {"id":"x","choi\n\n',
    `the provider's stream held an event that is not a JSON object: "{\\"id\\":\\"x\\",\\"choi"`,
    undefined,
  ],
  ['data: <html>\n\n', `the provider's stream held an event that is not a JSON object: "<html>"`, undefined],
]

for (const [stream, message, code] of failures) {
  test(`${JSON.stringify(stream)} is a failure, first or later`, () => {
    assert.deepEqual(relay(stream, asIs).relay.failure, { message, code })
    const later = relay(content + stream + content, asIs)
    assert.deepEqual(later.relay.failure, { message, code })
    assert.equal(later.text, content)
  })
}

test('data over several lines, names, comments and other line ends are understood', () => {
  const event =
    'event: x\r\ndata: {"id":"x","model":"m",\r\ndata: "choices":[{"index":0,"delta":{"content":"a"}}]}\r\n\r\n'
  const passed = relay(event, { model: 'mine', includeUsage: true })
  assert.equal(
    passed.text,
    'event: x\ndata: {"id":"x","model":"mine","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n',
  )
  assert.equal(passed.relay.started, true)
  const commented = `: hi\ndata: [DONE]\n\n`
  const done = relay(commented, asIs)
  assert.deepEqual([done.text, done.relay.finished], [commented, true])
})

test('text completions are relayed the same way', () => {
  const bytes = fixtureBytes('openai-completions/text.sse')
  const passed = relay(bytes, { model: 'mine', includeUsage: false }, openaiCompletions)
  const kept = bytes
    .toString('utf8')
    .split('\n\n')
    .filter((event) => !event.includes('"usage"'))
    .join('\n\n')
  assert.equal(passed.text, kept.replaceAll('gpt-3.5-turbo-instruct:20230824-v2', 'mine'))
  assert.deepEqual([passed.relay.started, passed.relay.finished], [true, true])
  assert.deepEqual(passed.relay.usage, {
    inputTokens: 4,
    outputTokens: 2,
    model: 'gpt-3.5-turbo-instruct:20230824-v2',
  })
})

test('an error that comes with a choice, after content, is an error', () => {
  const text = chunk({ content: 'a' }) + chunk({ content: 'b' }, { error: { message: 'boom' } })
  assert.deepEqual(relay(text, asIs).relay.failure, { message: 'boom', code: undefined })
})
