import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSqliteKind } from '../../test/opened-store.ts'

test('a URL of SQLite names its file, with one slash or three', async (context) => {
  const place = await createSqliteKind().place()
  context.after(() => place.remove())
  for (const [name, scheme] of [
    ['a.db', 'sqlite:'],
    ['b.db', 'sqlite://'],
    ['c.db', 'file:'],
    ['d d.db', 'file://'],
  ] as const) {
    const file = join(place.dataDirectory, 'folder', name)
    const { store } = place.open({ databaseUrl: `${scheme}${file.replace(' ', '%20')}` })
    await store.start()
    assert.ok(existsSync(file), file)
  }
})

test('a URL of another database is refused, and a broken one not shown', async (context) => {
  const place = await createSqliteKind().place()
  context.after(() => place.remove())
  assert.throws(() => place.open({ databaseUrl: 'mysql://root:sk-canary@host/name' }), {
    message:
      'DATABASE_URL starts with `mysql:`; write postgresql://user:password@host:5432/name, or leave it out for SQLite',
  })
  for (const databaseUrl of ['postgresql://user:sk-canary/@@:host:x/name', 'sk-canary']) {
    assert.throws(
      () => place.open({ databaseUrl }),
      (error: Error) => /DATABASE_URL/.test(error.message) && !String(error.stack).includes('canar'),
    )
  }
})
