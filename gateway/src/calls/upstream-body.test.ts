import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment } from '../core/deployment.ts'
import { GatewayError } from '../core/errors.ts'
import { wireBody } from '../lib/bytes.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Call } from './call.ts'
import { relayBody } from './upstream-body.ts'

const policy = { unsupported: undefined, alwaysDrop: [], alwaysPass: [], refuses: [], renames: {} }

function relay(text: string, model: string, change: Partial<Deployment['parameters']> = {}, defaults: JsonObject = {}) {
  const body: JsonObject = JSON.parse(text)
  const call = {
    body,
    sent: wireBody(Buffer.from(text)),
    model: String(body.model),
    stream: body.stream === true,
    options: { unsupportedParameters: undefined, alwaysDrop: [], alwaysPass: [] },
    settings: { unsupportedParameters: 'error' },
  }
  const deployment = { provider: 'openai', upstreamModel: model, defaults, parameters: { ...policy, ...change } }
  // Only what building a body reads; the rest of a call and a deployment has no part in it.
  return relayBody(call as unknown as Call, deployment as unknown as Deployment, 'openai-chat', model)
}

test('a body that needs no change but its model keeps every other byte', () => {
  const text = '{ "seed": 12345678901234567890, "model" : "a",\n "messages":[{"role":"user","content":"é\\n"}] }'
  assert.equal(String(relay(text, 'gpt-4o').bytes), text.replace('"a"', '"gpt-4o"'))
  assert.equal(String(relay(text, 'a').bytes), text)
})

test('what is written twice, escaped or inside content is never taken for the model', () => {
  const cases = [
    '{"model":"a","model":"b","messages":[]}',
    '{"mod\\u0065l":"a","messages":[]}',
    '{"messages":[{"role":"user","content":"\\"model\\":\\"x\\""}],"model":"b"}',
    '{"metadata_of":{"model":"nested"},"model":"b","messages":[]}',
    '{"model":"\\u0061","messages":[]}',
    '{"type":"model","model":"a","messages":[]}',
  ]
  for (const text of cases) {
    const sent = String(relay(text, 'up').bytes)
    assert.deepEqual(JSON.parse(sent), { ...JSON.parse(text), model: 'up' }, text)
    assert.equal(sent.split('"up"').length, 2, `written once: ${sent}`)
    assert.doesNotMatch(sent, /"model":"a","model"/)
  }
})

test('the gateway’s own fields and the operator’s defaults change the body, the caller’s values win', () => {
  const text = '{"model":"a","messages":[],"num_retries":3,"metadata":{"tags":["x"]},"temperature":1}'
  const sent = JSON.parse(String(relay(text, 'up', {}, { temperature: 0, top_p: 0.5 }).bytes))
  assert.deepEqual(sent, { temperature: 1, top_p: 0.5, model: 'up', messages: [] })
})

test('a stream always asks the provider for usage', () => {
  const sent = JSON.parse(String(relay('{"model":"a","messages":[],"stream":true}', 'up').bytes))
  assert.deepEqual(sent.stream_options, { include_usage: true })
})

test('a parameter that the provider refuses is an error, dropped or passed, as the policy says', () => {
  const text = '{"model":"a","messages":[],"logit_bias":{"1":2}}'
  const refuses = ['logit_bias']
  assert.throws(
    () => relay(text, 'up', { refuses }),
    (error) =>
      error instanceof GatewayError &&
      error.param === 'logit_bias' &&
      error.message.startsWith(
        'litellm.UnsupportedParamsError: openai does not support parameters: ["logit_bias"], for model=up.',
      ),
  )
  const dropped = relay(text, 'up', { refuses, unsupported: 'drop' })
  assert.deepEqual(JSON.parse(String(dropped.bytes)), { model: 'up', messages: [] })
  assert.deepEqual(dropped.dropped, ['logit_bias'])
  const passed = relay(text, 'up', { refuses, unsupported: 'pass' })
  assert.deepEqual(JSON.parse(String(passed.bytes)).logit_bias, { 1: 2 })
})

test('what is always dropped is named, deep paths too', () => {
  const text = '{"model":"a","messages":[],"tools":[{"type":"function","function":{"name":"f"},"x":1}]}'
  const sent = relay(text, 'up', { alwaysDrop: ['tools[*].x'] })
  assert.deepEqual(sent.dropped, ['tools[*].x'])
  assert.deepEqual(JSON.parse(String(sent.bytes)).tools, [{ type: 'function', function: { name: 'f' } }])
})
