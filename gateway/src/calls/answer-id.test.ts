import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dialectNamed } from '../dialects/index.ts'
import { wireBody } from '../lib/bytes.ts'
import { answerIdIn } from './answer-id.ts'
import { relayWhole } from './relay.ts'

const found = {
  'chatcmpl-1': '{"id":"chatcmpl-1","object":"chat.completion","choices":[]}',
  'gen-2': 'data: { "id" : "gen-2", "choices": [{"delta":{"tool_calls":[{"id":"call_1"}]}}]}\n\n',
  msg_3:
    'event: message_start\ndata: {"type":"message_start","message":{"model":"claude","id":"msg_3","role":"assistant"}}\n\n',
}

for (const [id, text] of Object.entries(found)) {
  test(`${id} is found in the words of its dialect`, () => {
    assert.equal(answerIdIn(text), id)
    assert.equal(answerIdIn(Buffer.from(text)), id)
  })
}

test('an answer without an id, with an odd one, or with one far behind has none', () => {
  const odd = [
    '',
    ': keep-alive\n\n',
    '{"object":"list","data":[]}',
    '{"id":"","choices":[]}',
    '{"id":7}',
    '{"id":"a\\"b"}',
  ]
  for (const text of [...odd, `{"id":"${'x'.repeat(129)}"}`, `{"data":"${'x'.repeat(300)}","id":"y"}`]) {
    assert.equal(answerIdIn(text), '', text)
  }
})

/** Ids as strings of JSON, and whether each is one that a row can have. */
const written: readonly (readonly [string, boolean])[] = [
  ['"chatcmpl-1"', true],
  ['"with a space and é"', false],
  [`"${'x'.repeat(128)}"`, true],
  [`"${'x'.repeat(129)}"`, false],
  ['"a\\"b"', false],
  ['""', false],
  ['7', false],
  ['null', false],
]

for (const [id, counts] of written) {
  test(`an answer that is passed on with the id ${id.slice(0, 24)} has ${counts ? 'it' : 'none'}, wherever it stands`, () => {
    const other = `"choices":[{"id":"call_1"}],"data":"${'x'.repeat(300)}"`
    for (const text of [`{"id":${id},${other}}`, `{${other},"id":${id}}`]) {
      const { answerId } = relayWhole(dialectNamed('openai-chat'), wireBody(Buffer.from(text)), 'shown')
      assert.equal(answerId, counts ? JSON.parse(id) : '')
    }
  })
}

test('of two ids neither is the id', () => {
  const twice = wireBody(Buffer.from('{"id":"a","id":"b","choices":[]}'))
  assert.equal(relayWhole(dialectNamed('openai-chat'), twice, 'shown').answerId, '')
})

test('an answer of Gemini has the id that Gemini calls so, and not that of a function', () => {
  const call = '{"content":{"parts":[{"functionCall":{"id":"fc_1","name":"f"}}]}}'
  const gemini = dialectNamed('gemini')
  const whole = (text: string) => relayWhole(gemini, wireBody(Buffer.from(text)), 'shown').answerId
  assert.equal(whole(`{"candidates":[${call}],"responseId":"R"}`), 'R')
  assert.equal(whole(`{"candidates":[${call}]}`), '')
})

test('an answer that has to be written anew keeps its id', () => {
  const twice = '{"choices":[{"message":{"tool_calls":[{"id":"call_1"}]}}],"model":"a","model":"b","id":"chatcmpl-1"}'
  assert.equal(relayWhole(dialectNamed('openai-chat'), wireBody(Buffer.from(twice)), 'shown').answerId, 'chatcmpl-1')
})
