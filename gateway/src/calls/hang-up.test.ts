import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { masterKey, startGateway } from '../../test/gateway.ts'

test('nothing is sent for a caller who hung up while the next attempt was waited for', async (context) => {
  let asked = 0
  const provider = createServer((_request, response) => {
    asked += 1
    response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"message":"try again"}}')
  })
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    provider.close()
    provider.closeAllConnections()
  })
  // A server that listens has an address with a port.
  const { port } = provider.address() as AddressInfo
  const { url } = await startGateway(context, {
    config: {
      model_list: [
        {
          model_name: 'm',
          litellm_params: { model: 'openai/m', api_key: 'none', api_base: `http://127.0.0.1:${port}` },
        },
      ],
      router_settings: { num_retries: 3 },
    },
  })
  const hangUp = new AbortController()
  const answer = fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
    signal: hangUp.signal,
  })
  for (let waits = 0; asked === 0 && waits < 500; waits += 1) await sleep(5)
  await sleep(50)
  hangUp.abort()
  await assert.rejects(answer)
  await sleep(1_500)
  assert.equal(asked, 1)
})
