import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textTokens } from '../core/text-tokens.ts'
import { StreamSample } from './stream-sample.ts'

const words =
  'The quick brown fox jumps over the lazy dog and runs away from all of them again '.repeat(30).match(/\S+ /g) ?? []

function openaiEvent(delta: object): string {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: null }]
  const chunk = { id: 'chatcmpl-9x', object: 'chat.completion.chunk', created: 1_790_000_000, model: 'gpt-4o', choices }
  return `data: ${JSON.stringify(chunk)}\n\n`
}

function estimate(events: readonly string[]): number {
  const sample = new StreamSample()
  for (const event of events) sample.add(Buffer.from(event))
  return sample.outputTokens()
}

test('what was said is estimated within a quarter, whatever the dialect wraps around it', () => {
  const expected = words.length
  const dialects = [
    [openaiEvent({ role: 'assistant', content: '' }), ...words.map((content) => openaiEvent({ content }))],
    words.map(
      (text) =>
        `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })}\n\n`,
    ),
    words.map(
      (text) =>
        `data: ${JSON.stringify({ candidates: [{ content: { parts: [{ text }], role: 'model' }, index: 0 }] })}\r\n\r\n`,
    ),
    words.map((args) => openaiEvent({ tool_calls: [{ index: 0, function: { arguments: args } }] })),
  ]
  for (const events of dialects) {
    const found = estimate(events)
    assert.ok(Math.abs(found - expected) < expected / 4, `${found} of ${expected}`)
    const gathered = estimate([events.join('')])
    assert.ok(Math.abs(gathered - expected) < expected / 4, `${gathered} of ${expected}`)
  }
})

test('a stream that said nothing has no tokens, one that said a word has one', () => {
  assert.equal(estimate([]), 0)
  assert.equal(estimate([': keep-alive\n\n', openaiEvent({ role: 'assistant' })]), 0)
  assert.equal(estimate([openaiEvent({ content: 'Hi' })]), Math.max(1, Math.round(textTokens('Hi'))))
  assert.equal(estimate(['data: {"choices": [cut']), 0)
})
