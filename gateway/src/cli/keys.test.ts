import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { actor, createSqliteKind } from '../../test/opened-store.ts'
import { Secret } from '../lib/secret.ts'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))

function rotate(dataDirectory: string, environment: Readonly<Record<string, string>>) {
  return spawnSync(process.execPath, [main, 'keys', 'rotate-salt', '--data-dir', dataDirectory], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...environment },
  })
}

test('rotate-salt seals what the master key had sealed with the salt key, and names what it cannot open', async (context) => {
  const place = await createSqliteKind().place()
  context.after(() => place.remove())
  const before = place.open({ saltKey: new Secret('sk-master') })
  await before.store.start()
  await before.store.change({ actor }, async (transaction) => {
    await transaction.putResource('deployment', 'd', { litellm_params: { api_key: 'sk-canary' } })
  })

  const lost = rotate(place.dataDirectory, { LITELLM_MASTER_KEY: 'sk-other', LITELLM_SALT_KEY: 'salt' })
  assert.equal(lost.status, 1)
  assert.match(lost.stderr, /cannot be opened: deployment d: `litellm_params`: it was sealed with another key/)
  assert.match(lost.stderr, /LITELLM_SALT_KEY_PREVIOUS/)

  const first = rotate(place.dataDirectory, { LITELLM_MASTER_KEY: 'sk-master', LITELLM_SALT_KEY: 'salt' })
  assert.deepEqual([first.status, first.stdout], [0, '2 rows are sealed with the current key now\n'], first.stderr)

  const second = rotate(place.dataDirectory, {
    LITELLM_MASTER_KEY: 'sk-other',
    LITELLM_SALT_KEY: 'salt-2',
    LITELLM_SALT_KEY_PREVIOUS: 'unused, salt',
  })
  assert.deepEqual([second.status, second.stdout], [0, '2 rows are sealed with the current key now\n'], second.stderr)

  const after = place.open({ saltKey: new Secret('salt-2') })
  await after.store.start()
  assert.deepEqual((await after.store.readResources(0)).resources[0]?.spec, {
    litellm_params: { api_key: 'sk-canary' },
  })
})

test('rotate-salt says why it cannot reach the database', () => {
  const { status, stderr } = rotate('/dev/null/nowhere', { LITELLM_MASTER_KEY: 'sk-master' })
  assert.equal(status, 1)
  assert.match(stderr, /The database \/dev\/null\/nowhere\/midflight\.db cannot serve now: ENOTDIR/)
})
