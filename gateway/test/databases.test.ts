import assert from 'node:assert/strict'
import { createConnection } from 'node:net'
import { test } from 'node:test'
import { Client } from 'pg'
import { type DatabaseServer, startPostgres, startRedis } from './databases.ts'

async function query(url: string, text: string): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 500, query_timeout: 500 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query(text)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

function redis(server: DatabaseServer, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(server.port, '127.0.0.1', () => socket.write(`${line}\r\n`))
    socket.setTimeout(500, () => socket.destroy(new Error('no answer')))
    socket.once('error', reject)
    socket.once('data', (bytes) => {
      socket.destroy()
      resolve(bytes.toString())
    })
  })
}

test('PostgreSQL for a test keeps what was committed when it is killed, and can be paused', async (t) => {
  const server = await startPostgres()
  if (server === undefined) return t.skip('PostgreSQL is not installed')
  try {
    const other = await server.createDatabase('other')
    await query(server.url, 'CREATE TABLE kept (id int)')
    await assert.rejects(query(other, 'SELECT * FROM kept'))
    await server.kill()
    await assert.rejects(query(server.url, 'SELECT 1'))
    await server.start()
    assert.deepEqual(await query(server.url, 'SELECT count(*)::int AS n FROM kept'), [{ n: 0 }])
    server.pause()
    await assert.rejects(query(server.url, 'SELECT 1'))
    server.resume()
    assert.equal((await query(server.url, 'SELECT 1')).length, 1)
  } finally {
    await server.stop()
  }
})

test('Redis for a test keeps what was written when it is killed, and can be paused', async (t) => {
  const server = await startRedis()
  if (server === undefined) return t.skip('Redis is not installed')
  try {
    assert.equal(await redis(server, 'SET a 1'), '+OK\r\n')
    await server.kill()
    await assert.rejects(redis(server, 'GET a'))
    await server.start()
    assert.equal(await redis(server, 'GET a'), '$1\r\n1\r\n')
    server.pause()
    await assert.rejects(redis(server, 'GET a'))
    server.resume()
  } finally {
    await server.stop()
  }
})
