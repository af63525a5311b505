import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixtureBytes } from '../../../test/fixtures/read-fixture.ts'
import { createSseSplitter } from '../../lib/sse.ts'
import { openRelay } from './relay.ts'

function relay(name: string, model: string | undefined) {
  const opened = openRelay({ model, includeUsage: false })
  const sent = createSseSplitter().push(fixtureBytes(`anthropic-messages/${name}.sse`))
  const passed = sent.map((event) => opened.push(event))
  return { opened, sent: Buffer.concat(sent).toString(), passed: Buffer.concat(passed).toString() }
}

test('a stream between equals passes byte for byte', () => {
  for (const name of ['text', 'tools-parallel', 'thinking', 'web-search', 'refusal']) {
    const { opened, sent, passed } = relay(name, undefined)
    assert.equal(passed, sent)
    assert.equal(opened.finished, true)
    assert.equal(opened.failure, undefined)
  }
})

test('only the model’s name changes where another is to be shown', () => {
  const { sent, passed } = relay('thinking', 'my "model"')
  assert.equal(passed, sent.replace('"claude-sonnet-4-5-20250929"', '"my \\"model\\""'))
})

test('usage comes from both ends of the stream', () => {
  assert.deepEqual(relay('thinking', undefined).opened.usage, {
    inputTokens: 3112,
    outputTokens: 96,
    cachedInputTokens: 2048,
    cacheWriteTokens: 1024,
    cacheWriteOneHourTokens: 1000,
    reasoningTokens: 60,
    model: 'claude-sonnet-4-5-20250929',
  })
})

test('content counts as started, its frame does not', () => {
  const opened = openRelay({ model: undefined, includeUsage: false })
  const [first, ...rest] = createSseSplitter().push(fixtureBytes('anthropic-messages/text.sse'))
  assert.ok(first)
  opened.push(first)
  assert.equal(opened.started, false)
  for (const event of rest.slice(0, 3)) opened.push(event)
  assert.equal(opened.started, true)
  assert.equal(opened.finished, false)
})

test('an error inside the stream is told, not passed', () => {
  const { opened, passed } = relay('error-overloaded', undefined)
  assert.deepEqual(opened.failure, { message: 'Overloaded', code: 'overloaded_error' })
  assert.ok(!passed.includes('event: error'))
  assert.equal(opened.finished, false)
})

test('events without a name are known by their data', () => {
  const opened = openRelay({ model: 'x', includeUsage: false })
  const delta = Buffer.from('data: {"type":"content_block_delta","index":0}\n\n')
  assert.equal(opened.push(delta), delta)
  assert.equal(opened.started, true)
  const stop = Buffer.from('data: {"type":"message_stop"}\n\n')
  assert.equal(opened.push(stop), stop)
  assert.equal(opened.finished, true)
})

test('a comment passes, broken data is a failure', () => {
  const opened = openRelay({ model: 'x', includeUsage: false })
  const comment = Buffer.from(': keep-alive\n\n')
  assert.equal(opened.push(comment), comment)
  assert.equal(opened.push(Buffer.from('event: message_start\ndata: {"type"\n\n')).length, 0)
  assert.ok(opened.failure)
})
