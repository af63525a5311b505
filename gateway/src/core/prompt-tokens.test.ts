import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boundedTokens, promptTokens } from './prompt-tokens.ts'
import { textTokens } from './text-tokens.ts'

test('messages, contents and texts of any dialect are counted by what the model reads of them', () => {
  const text = 'The quick brown fox jumps over the lazy dog.'
  const tokens = textTokens(text)
  assert.equal(promptTokens(text), Math.ceil(tokens))
  assert.equal(promptTokens([{ role: 'user', content: text }]), Math.ceil(tokens + 4))
  assert.equal(promptTokens([{ role: 'user', content: [{ type: 'text', text }] }]), Math.ceil(tokens + 4))
  assert.equal(promptTokens([{ role: 'user', parts: [{ text }] }]), Math.ceil(tokens + 4))
  assert.equal(promptTokens([{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:x' } }] }]), 1_604)
  for (const nothing of [undefined, null, [], {}, '']) assert.equal(promptTokens(nothing), 0)
})

test('a text of any length takes no longer than a long one, and unbroken runs no longer than words', () => {
  const startedAt = performance.now()
  assert.ok(boundedTokens('a'.repeat(200_000_000)) > 5_000_000)
  assert.ok(performance.now() - startedAt < 1_000)
  const words = 'word '.repeat(400_000)
  const exact = textTokens(words)
  assert.ok(Math.abs(boundedTokens(words) - exact) < exact / 100)
})

test('nesting of any depth is read', () => {
  let nested: unknown[] = ['deep']
  for (let depth = 0; depth < 100_000; depth += 1) nested = [nested]
  // JSON of any depth can come in a body.
  assert.equal(promptTokens(nested as never), 1)
})
