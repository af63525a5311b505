import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAddress } from './url.ts'

function addressOf(url: string) {
  const { config, label } = readAddress(url)
  return { connection: config.connectionString, label }
}

test("parameters of LiteLLM's database client are left out, all others stay", () => {
  assert.deepEqual(
    addressOf('postgresql://u:p%40ss@db:6432/name?schema=public&connection_limit=5&pgbouncer=true&application_name=x'),
    { connection: 'postgresql://u:p%40ss@db:6432/name?application_name=x', label: 'db:6432/name' },
  )
  assert.equal(addressOf('postgres://db/name').label, 'db:5432/name')
  assert.equal(addressOf('postgresql:///name?host=/run/postgresql').label, '/run/postgresql:5432/name')
})

test('sslmode means what it means for psql', () => {
  assert.equal(addressOf('postgresql://db/n?sslmode=prefer').connection, 'postgresql://db/n')
  assert.equal(
    addressOf('postgresql://db/n?sslmode=require').connection,
    'postgresql://db/n?sslmode=require&uselibpqcompat=true',
  )
  assert.equal(
    addressOf('postgresql://db/n?sslmode=verify-full').connection,
    'postgresql://db/n?sslmode=verify-full&uselibpqcompat=true',
  )
})
