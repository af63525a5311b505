import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dialectNamed } from '../dialects/index.ts'
import { createSseSplitter } from '../lib/sse.ts'
import { relayPipe } from './relay.ts'

const dialect = dialectNamed('openai-chat')
assert.ok(dialect.family === 'chat')
const chat = dialect

function chunk(delta: unknown, more: Readonly<Record<string, unknown>> = {}): string {
  const choices = [{ index: 0, delta, finish_reason: null }]
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'upstream-name', choices, ...more })}\n\n`
}

/** What providers send, and what they should not: each may stand at any place of a stream. */
const event = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }).map((content) => chunk({ content })) },
  fc.constantFrom(
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'a' }, { usage: null }),
    chunk({ content: '"usage":{"prompt_tokens":1} "error" \n\n data: {' }),
    chunk({}, { usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }),
    chunk({ content: 'renamed' }, { model: 'other-name' }),
    'data: {"id":"c","model":"upstream-name","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n',
    `data:${chunk({ content: 'no blank' }).slice('data: '.length)}`,
    chunk({ content: 'crlf' }).replaceAll('\n', '\r\n'),
    chunk({ content: 'cr' }).replaceAll('\n', '\r'),
    chunk({ content: 'id' }).replace('\n\n', '\nid: 7\n\n'),
    `event: message\n${chunk({ content: 'named' })}`,
    'data: {"id":"c","model":"upstream-name",\ndata: "choices":[{"index":0,"delta":{"content":"two lines"}}]}\n\n',
    ': keep-alive\n\n',
    '\n',
    'data: [DONE]\n\n',
  ),
)

interface Outcome {
  readonly bytes: string
  readonly started: boolean
  readonly finished: boolean
  readonly failure: string | undefined
  readonly usage: unknown
}

/** Event by event, without a short cut. */
function plainly(text: string, options: { model: string | undefined; includeUsage: boolean }): Outcome {
  const relay = chat.openRelay(options)
  const out: Buffer[] = []
  for (const one of createSseSplitter().push(Buffer.from(text))) {
    const bytes = relay.push(one)
    if (relay.failure !== undefined) break
    out.push(bytes)
  }
  const { started, finished, failure, usage } = relay
  return { bytes: inLines(out), started, finished, failure: failure?.message, usage }
}

function piped(
  text: string,
  cuts: readonly number[],
  options: { model: string | undefined; includeUsage: boolean },
): Outcome {
  const pipe = relayPipe(chat, options)
  const bytes = Buffer.from(text)
  const out: Buffer[] = []
  let start = 0
  for (const end of [...cuts, bytes.length]) {
    if (pipe.failure !== undefined) break
    out.push(Buffer.from(pipe.push(bytes.subarray(start, end))))
    start = end
  }
  const { started, finished, failure, usage } = pipe
  return { bytes: inLines(out), started, finished, failure: failure?.message, usage }
}

/** A read may end between "\r" and "\n"; then the "\n" leads the next event, or is left out: the "\r" has ended the line. */
function inLines(parts: readonly Buffer[]): string {
  return Buffer.concat(parts).toString().replace(/\r\n?/g, '\n').trimEnd()
}

for (const model of ['shown', 'upstream-name', undefined]) {
  test(`whole reads are relayed as single events are, with ${model ?? 'the provider’s model'}`, () => {
    const options = fc.boolean().map((includeUsage) => ({ model, includeUsage }))
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 30 }),
        fc.array(fc.nat(8000), { maxLength: 8 }),
        options,
        (events, at, how) => {
          const text = events.join('')
          const length = Buffer.byteLength(text)
          const cuts = at.map((cut) => (length === 0 ? 0 : cut % length)).sort((one, other) => one - other)
          assert.deepEqual(piped(text, cuts, how), plainly(text, how))
        },
      ),
      { numRuns: 300 },
    )
  })
}

test('after an error inside the stream nothing more passes', () => {
  const text = `${chunk({ content: 'a' })}${chunk({ content: 'b' })}data: {"error":{"message":"overloaded","code":"server_overloaded"}}\n\n${chunk({ content: 'c' })}`
  for (const cuts of [[], [50], [200, 300]]) {
    const outcome = piped(text, cuts, { model: 'shown', includeUsage: false })
    assert.match(outcome.bytes, /"content":"b"/)
    assert.doesNotMatch(outcome.bytes, /"content":"c"/)
    assert.equal(outcome.failure, 'overloaded')
  }
})

test('a stream without its terminator gets one when it said why it finished, also when that was in a whole read', () => {
  const finish = chunk({}).replace('"finish_reason":null', '"finish_reason":"stop"')
  const pipe = relayPipe(chat, { model: 'shown', includeUsage: false })
  pipe.push(Buffer.from(`${chunk({ content: 'a' })}${chunk({ content: 'b' })}${finish}`))
  assert.equal(pipe.end().toString(), 'data: [DONE]\n\n')
  const cut = relayPipe(chat, { model: 'shown', includeUsage: false })
  cut.push(Buffer.from(`${chunk({ content: 'a' })}${chunk({ content: 'b' })}`))
  assert.equal(cut.end().length, 0)
})
