import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatewayError } from '../../core/errors.ts'
import { textTokens } from '../../core/text-tokens.ts'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import { anthropicMessages } from '../anthropic-messages/anthropic-messages.ts'
import { countTokensOf } from './anthropic-count-tokens.ts'

const countTokens = countTokensOf(anthropicMessages)

function estimate(fields: JsonObject): number {
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hello, Claude' }], ...fields }
  return Number(countTokens.estimate(body).input_tokens)
}

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= expected * tolerance, `${actual} is not near ${expected}`)
}

const weather = {
  name: 'get_weather',
  description: 'Get the current weather in a given location',
  input_schema: {
    type: 'object',
    properties: { location: { type: 'string', description: 'The city and state, e.g. San Francisco, CA' } },
    required: ['location'],
  },
}

test('the examples of Anthropic’s documentation come out near its counts', () => {
  near(estimate({ system: 'You are a scientist' }), 14, 0.2)
  const question = [{ role: 'user', content: "What's the weather like in San Francisco?" }]
  near(estimate({ tools: [weather], messages: question }), 403, 0.1)
})

test('neither max_tokens nor anything else that only an answer needs is asked for', () => {
  assert.equal(estimate({}), estimate({ max_tokens: 100 }))
})

test('every part of a prompt counts', () => {
  const plain = estimate({})
  const image = { type: 'image', source: { type: 'url', url: 'https://example.org/a.png' } }
  const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'A'.repeat(90_000) } }
  const said = (content: JsonValue) => estimate({ messages: [{ role: 'user', content }] })
  assert.ok(estimate({ system: 'Be brief.' }) > plain)
  assert.ok(estimate({ tools: [weather] }) > plain + 346)
  assert.ok(estimate({ tools: [{ type: 'web_search_20260209', name: 'web_search' }] }) > plain + 346)
  near(said([image]), 1607, 0.01)
  near(said([pdf]), 6007, 0.01)
  const result = { type: 'tool_result', tool_use_id: 'a', content: 'The result is long. '.repeat(10) }
  assert.ok(said([result]) > 30)
  const call = { type: 'tool_use', id: 'a', name: 'f', input: { city: 'Kiel', days: [1, 2, 3] } }
  assert.ok(estimate({ messages: [{ role: 'assistant', content: [call] }] }) > 15)
})

test('text in other scripts costs more for each character', () => {
  near(textTokens('The quick brown fox jumps over the lazy dog.'), 10, 0.2)
  near(textTokens('敏捷的棕色狐狸跳过了懒狗'), 13, 0.2)
  near(textTokens('🛫🛫🛫'), 6, 0.2)
  assert.equal(textTokens(''), 0)
})

test('long and deep requests take time in proportion', () => {
  let deep: JsonValue = 1
  for (let level = 0; level < 50_000; level += 1) deep = [deep]
  const tool = { name: 'f', input_schema: { type: 'object', x: deep } }
  const content = 'word, 12 '.repeat(500_000)
  const started = performance.now()
  assert.ok(estimate({ tools: [tool], messages: [{ role: 'user', content }] }) > 1_000_000)
  // 4.5 million characters take some 30 ms; a quadratic step would take minutes.
  assert.ok(performance.now() - started < 5000)
})

test('a malformed body is refused by its path', () => {
  assert.throws(
    () => estimate({ messages: [{ role: 'user' }] }),
    (error) => error instanceof GatewayError && error.param === 'messages[0].content',
  )
})
