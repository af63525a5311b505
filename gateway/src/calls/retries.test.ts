import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startGateway } from '../../test/gateway.ts'

/** A provider that refuses every key, and counts how often it was asked. */
async function refusing(context: TestContext) {
  const counted = { asked: 0 }
  const server = createServer((request, response) => {
    counted.asked += 1
    request.resume()
    response.writeHead(401, { 'content-type': 'application/json' })
    response.end('{"error":{"message":"Incorrect API key provided.","code":"invalid_api_key"}}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => server.close())
  // A server that listens on a port has an address with one.
  const { port } = server.address() as AddressInfo
  const deployment = (model_name: string, model: string) => ({
    model_name,
    litellm_params: { model: `openai/${model}`, api_base: `http://127.0.0.1:${port}/v1`, api_key: 'wrong' },
  })
  return { counted, deployment }
}

test('a key that the only deployment has is not tried twice', async (context) => {
  const { counted, deployment } = await refusing(context)
  const config = { model_list: [deployment('one', 'a')], router_settings: { num_retries: 3 } }
  const { chat, post } = await startGateway(context, { config })
  const { status, body } = await chat('one')
  assert.equal(status, 401)
  assert.equal(counted.asked, 1)
  assert.doesNotMatch(body.error.message, /Retried/)
  assert.match(body.error.message, /provided\. Received Model Group=one/, 'the period of the provider is the only one')
  await post('/v1/chat/completions', { model: 'one', messages: [{ role: 'user', content: 'x' }], num_retries: 2 })
  assert.equal(counted.asked, 2)
})

test('a policy for refused keys says how often', async (context) => {
  const { counted, deployment } = await refusing(context)
  const config = {
    model_list: [deployment('one', 'a')],
    router_settings: { num_retries: 3, retry_policy: { AuthenticationErrorRetries: 1 } },
  }
  const { chat } = await startGateway(context, { config })
  assert.equal((await chat('one')).status, 401)
  assert.equal(counted.asked, 2)
})

test('another deployment of the group may have a key that counts', async (context) => {
  const { counted, deployment } = await refusing(context)
  const config = { model_list: [deployment('two', 'a'), deployment('two', 'b')], router_settings: { num_retries: 1 } }
  const { chat } = await startGateway(context, { config })
  assert.equal((await chat('two')).status, 401)
  assert.equal(counted.asked, 2)
})
