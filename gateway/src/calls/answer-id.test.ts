import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerIdIn } from './answer-id.ts'

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
