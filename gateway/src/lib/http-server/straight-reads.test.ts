import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../../test/raw-caller.ts'
import { readStraight } from './straight-reads.ts'

/** Both ends of a connection. */
async function pair(context: TestContext): Promise<{ readonly here: Socket; readonly there: Socket }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address !== 'string')
  const accepted = once(server, 'connection')
  const there = connect(address.port, '127.0.0.1')
  const [here] = (await accepted) as [Socket]
  context.after(() => {
    here.destroy()
    there.destroy()
    server.close()
  })
  return { here, there }
}

test('what comes is heard at once, and not by way of the stream', async (context) => {
  const { here, there } = await pair(context)
  const heard: string[] = []
  readStraight(here, (bytes) => void heard.push(bytes.toString()))
  let streamed = 0
  here.on('data', () => {
    streamed += 1
  })
  for (const word of ['one', 'two', 'three']) {
    there.write(word)
    await until(word, () => heard.includes(word))
  }
  assert.deepEqual([heard, streamed], [['one', 'two', 'three'], 0])
})

test('what comes while the reader pauses waits for it, all of it and in its order', async (context) => {
  const { here, there } = await pair(context)
  const block = Buffer.alloc(1_000_003, 'abcdefghijklmnopqrstuvwxyz')
  const heard: Buffer[] = []
  readStraight(here, (bytes) => {
    assert.equal(here.isPaused(), false)
    heard.push(Buffer.from(bytes))
    here.pause()
    setTimeout(() => here.resume(), 1)
  })
  there.end(block)
  await once(here, 'end')
  assert.ok(heard.length > 1)
  assert.deepEqual(Buffer.concat(heard), block)
})

test('a piece that is waiting is heard before the next one', async (context) => {
  const { here } = await pair(context)
  const heard: string[] = []
  readStraight(here, (bytes) => void heard.push(bytes.toString()))
  here.pause()
  here.push(Buffer.from('first'))
  assert.deepEqual(heard, [])
  here.resume()
  here.push(Buffer.from('second'))
  await until('both', () => heard.length === 2)
  assert.deepEqual(heard, ['first', 'second'])
})

test('a reader that pauses holds the sender up', async (context) => {
  const { here, there } = await pair(context)
  let heard = 0
  readStraight(here, (bytes) => {
    heard += bytes.length
    here.pause()
  })
  const tooMuch = 64 * 2 ** 20
  there.write(Buffer.alloc(tooMuch))
  await until('the first bytes', () => heard > 0)
  await sleep(50)
  assert.ok(here.bytesRead < tooMuch / 2, `${here.bytesRead} bytes were read`)
})

test('the end is told after the last bytes', async (context) => {
  const { here, there } = await pair(context)
  const told: string[] = []
  readStraight(here, (bytes) => void told.push(bytes.toString()))
  here.on('end', () => told.push('end'))
  there.end('last')
  await once(here, 'end')
  assert.deepEqual(told, ['last', 'end'])
})
