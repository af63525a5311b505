import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startGateway } from '../../test/gateway.ts'
import { scratchDirectory } from '../../test/scratch.ts'

/** Longer than a lease (`replicas/feed.ts`). */
const pausedMs = 3_300

test('a replica that was paused serves no call by what it remembered from before', async (context) => {
  const dataDirectory = scratchDirectory()
  const changing = await startGateway(context, { dataDirectory, hints: false })
  const paused = await startGateway(context, { dataDirectory, hints: false })
  const mocked = { model: 'openai/x', api_key: 'none', mock_response: 'hello' }
  await changing.post('/model/new', { model_name: 'gone', litellm_params: mocked, model_info: { id: 'gone' } })
  const { key } = (await changing.post('/key/generate', {})).body
  assert.equal((await paused.chat('gone', key)).status, 200)

  const socket = connect(Number(new URL(paused.url).port), '127.0.0.1')
  context.after(() => void socket.destroy())
  const answer = Promise.withResolvers<string>()
  socket.on('data', (bytes) => answer.resolve(bytes.toString()))
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  await sleep(50)

  assert.equal((await changing.post('/model/delete', { id: 'gone' })).status, 200)
  const body = JSON.stringify({ model: 'gone', messages: [{ role: 'user', content: 'hi' }] })
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pausedMs)
  assert.match(await answer.promise, /^HTTP\/1\.1 400 /)
})
