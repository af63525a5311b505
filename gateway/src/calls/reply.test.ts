import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../core/errors.ts'
import { HttpServer } from '../lib/http-server/http-server.ts'
import { ChunkedBody } from '../lib/http1/chunked-body.ts'
import { recordBeforeSends } from '../lib/turn-end.ts'
import { Reply } from './reply.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A server that answers each request by `answer`, and a raw connection to it on which one request was sent. */
async function ask(answer: (reply: Reply) => unknown, isLast = false): Promise<Socket> {
  const server = new HttpServer({
    times: { keepAlive: 75, head: 80, body: 300, unread: 120 },
    onRequest(exchange) {
      answer(
        new Reply(
          exchange,
          () => isLast,
          () => {},
        ),
      )
    },
    refusalOf: (error) => assert.fail(error),
  })
  const { port } = await server.listen('127.0.0.1', 0)
  const socket = connect(port, '127.0.0.1')
  cleanups.push(async () => {
    socket.destroy()
    const closed = server.close()
    server.closeConnections()
    await closed
  })
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  return socket
}

async function received(socket: Socket, until: (text: string) => boolean): Promise<string[]> {
  const chunks: string[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk.toString('latin1')))
  const giveUp = Date.now() + 5_000
  while (!until(chunks.join('')) && Date.now() < giveUp) await sleep(5)
  return chunks
}

test('a whole answer and its head are one piece', async () => {
  const socket = await ask((reply) => reply.send(200, ['x-a', 'b'], Buffer.from('{"a":"ä"}')))
  const chunks = await received(socket, (text) => text.includes('}'))
  assert.equal(chunks.length, 1)
  assert.match(chunks[0] ?? '', /^HTTP\/1\.1 200 OK\r\nx-a: b\r\ncontent-length: 10\r\n/)
  assert.equal(Buffer.from(chunks[0]?.split('\r\n\r\n')[1] ?? '', 'latin1').toString(), '{"a":"ä"}')
})

for (const [what, body] of Object.entries({
  text: '{"a":"☃"}',
  'text with half a pair': 'a\ud800b',
  'all bytes': Buffer.from(Array.from({ length: 256 }, (_, index) => index)),
  'large bytes': Buffer.alloc(1_000_000, 'xyz'),
  'large text': 'ü'.repeat(200_000),
  nothing: '',
})) {
  test(`an answer arrives as it was given: ${what}`, async () => {
    const socket = await ask((reply) => reply.send(200, [], body), true)
    const expected = Buffer.from(body as string).toString('latin1')
    const text = (await received(socket, (so) => so.includes('\r\n\r\n') && so.endsWith(expected))).join('')
    assert.match(text, new RegExp(`content-length: ${expected.length}\r\n`))
    assert.match(text, /connection: close/i)
    assert.ok(text.slice(text.indexOf('\r\n\r\n') + 4) === expected)
  })
}

test('pieces of all kinds keep their order', async () => {
  const large = Buffer.alloc(100_000, '-')
  const socket = await ask((reply) => {
    reply.open(200, ['content-type', 'text/event-stream'])
    for (const piece of ['one ', Buffer.from('zwö '), large, 'three ', 'ü']) reply.write(piece)
    reply.end()
  })
  const text = (await received(socket, (so) => so.endsWith('0\r\n\r\n'))).join('')
  const bytes = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1')
  const chunked = new ChunkedBody()
  const body = chunked.take(bytes, 0, bytes.length)
  // Not `equal`, which would print it all.
  assert.ok(body.toString() === `one zwö ${large.toString()}three ü`)
})

test('what is recorded in a turn is recorded before the answer of that turn leaves', async () => {
  const seen: string[] = []
  const socket = await ask((reply) => {
    reply.open(200, [])
    reply.write('first')
    recordBeforeSends({ flush: () => void seen.push(`recorded, ${socket.bytesRead} bytes sent`) })
    reply.write('last')
    reply.end()
  })
  await received(socket, (text) => text.includes('last'))
  assert.deepEqual(seen, ['recorded, 0 bytes sent'])
})

test('a caller who does not read is noticed, and told of when there is room again', async () => {
  let room = 0
  let refused = 0
  const socket = await ask((reply) => {
    reply.whenDrained(() => {
      room += 1
    })
    reply.open(200, [])
    const more = (): void => {
      if (!reply.write(Buffer.alloc(60_000))) refused += 1
      else setImmediate(more)
    }
    more()
  })
  socket.pause()
  const giveUp = Date.now() + 5_000
  while (refused === 0 && Date.now() < giveUp) await sleep(5)
  assert.equal(refused, 1)
  await sleep(50)
  const before = room
  socket.resume()
  while (room === before && Date.now() < giveUp) await sleep(5)
  assert.ok(room > before)
})

test('an answer that is made piece by piece is made as fast as the caller reads, and whole', async () => {
  const pieces = 1_000
  let made = 0
  const socket = await ask(async (reply) => {
    reply.open(200, ['content-length', String(pieces * 60_000)])
    for (; made < pieces; made += 1) {
      reply.write(Buffer.alloc(60_000, 'x'))
      await reply.room()
    }
    reply.end()
  })
  socket.pause()
  await sleep(200)
  assert.ok(made > 0 && made < pieces / 2, `${made} pieces were made for a caller who read none`)
  let bytes = 0
  socket.on('data', (chunk) => {
    bytes += chunk.length
  })
  socket.resume()
  const giveUp = Date.now() + 10_000
  while (bytes < pieces * 60_000 && Date.now() < giveUp) await sleep(5)
  assert.equal(made, pieces)
})

test('who makes an answer piece by piece is told when the caller is gone', async () => {
  let made = 0
  let told: unknown
  const socket = await ask(async (reply) => {
    reply.open(200, [])
    try {
      for (;;) {
        reply.write(Buffer.alloc(60_000))
        await reply.room()
        made += 1
      }
    } catch (error) {
      told = error
    }
  })
  socket.pause()
  const giveUp = Date.now() + 5_000
  while (made < 3 && Date.now() < giveUp) await sleep(5)
  socket.destroy()
  while (told === undefined && Date.now() < giveUp) await sleep(5)
  assert.ok(told instanceof GatewayError && told.code === 'client_closed', String(told))
})

test('an answer that is dropped does not look whole', async () => {
  const socket = await ask((reply) => {
    reply.open(200, [])
    reply.write('part')
    reply.end()
    reply.destroy()
  })
  let closed = false
  socket.on('close', () => {
    closed = true
  })
  const chunks = await received(socket, () => closed)
  assert.ok(closed)
  assert.doesNotMatch(chunks.join(''), /0\r\n\r\n$/)
})

test('a caller that closes its half behind its request gets the answer that is ready in that turn', async () => {
  const socket = await ask((reply) => reply.send(200, [], 'ready'))
  socket.end()
  const chunks = await received(socket, (text) => text.endsWith('ready'))
  assert.match(chunks.join(''), /\r\n\r\nready$/)
})

test('a caller that closes its half while it is answered has hung up', async () => {
  let told: string | undefined
  const socket = await ask((reply) => {
    reply.onInterrupt((error) => {
      told = error.code
      reply.send(200, [], 'too late')
    })
  })
  socket.end()
  let closed = false
  socket.on('close', () => {
    closed = true
  })
  const chunks = await received(socket, () => closed)
  assert.deepEqual([told, chunks.length, closed], ['client_closed', 0, true])
})

test('an answer that is dropped before it is sent is told as one that was cut, and no other request is served', async () => {
  let requests = 0
  const socket = await ask((reply) => {
    requests += 1
    reply.send(200, [], 'whole')
    reply.destroy()
    setTimeout(() => assert.equal(reply.gone, true), 20)
  })
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  let closed = false
  socket.on('close', () => {
    closed = true
  })
  await received(socket, () => closed)
  await sleep(40)
  assert.equal(requests, 1)
})
