import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { actor, onEveryStore, placeOfEachTest } from '../../test/opened-store.ts'
import type { Store } from '../core/store.ts'
import { Secret } from '../lib/secret.ts'
import { rotateSeal } from './rotate.ts'
import { text } from './row.ts'
import { createSeal } from './seal.ts'
import { openFields, sealFields } from './sealed-fields.ts'
import type { SqlDatabase } from './sql.ts'

const canary = 'sk-canary-3f1c'

test('what is sealed opens in its place, with its key, and nowhere else', () => {
  const seal = createSeal(new Secret('one'))
  const envelope = seal.seal({ api_key: canary, list: [null, 'ü'] }, 'here')
  assert.match(envelope, /^midflight:1:[0-9a-f]{12}:[\w-]+$/)
  assert.notEqual(envelope, seal.seal({ api_key: canary, list: [null, 'ü'] }, 'here'), 'no two are alike')
  assert.deepEqual(seal.open(envelope, 'here'), { value: { api_key: canary, list: [null, 'ü'] } })
  assert.deepEqual(seal.open(envelope, 'there'), { reason: 'it is damaged, or was sealed for another place' })
  const other = createSeal(new Secret('two'))
  assert.deepEqual(other.open(envelope, 'here'), { reason: `it was sealed with another key (${seal.keyId})` })
  assert.deepEqual(
    createSeal(new Secret('two'), [new Secret('one')]).open(envelope, 'here'),
    seal.open(envelope, 'here'),
  )
})

test('damaged envelopes do not open, whichever byte is damaged', () => {
  const seal = createSeal(new Secret('one'))
  const envelope = seal.seal('secret', 'here')
  const payload = envelope.lastIndexOf(':') + 1
  for (let index = payload; index < envelope.length - 1; index += 1) {
    const damaged = `${envelope.slice(0, index)}${envelope[index] === 'A' ? 'B' : 'A'}${envelope.slice(index + 1)}`
    assert.ok('reason' in seal.open(damaged, 'here'), `byte ${index}`)
  }
  for (const wrong of ['', 'plain', 'midflight:1:', 'midflight:1:ab:', `${envelope}:x`, envelope.slice(0, -20)]) {
    assert.ok('reason' in seal.open(wrong, 'here'), wrong)
  }
  assert.deepEqual(seal.open(envelope.replace(':1:', ':2:'), 'here'), {
    reason: 'it was sealed by a newer program (version 2)',
  })
})

test('a plain value where a sealed one belongs is not taken', () => {
  const seal = createSeal(new Secret('one'))
  for (const litellm_params of [{ api_key: 'planted' }, 'text', { $sealed: 5 }, { $sealed: 'midflight:1:x:y' }]) {
    const opened = openFields(seal, 'deployment', 'd', { model_name: 'm', litellm_params })
    assert.deepEqual(opened.json, { model_name: 'm', litellm_params: undefined })
    assert.match(opened.unreadable ?? '', /^`litellm_params`: /)
  }
  const sealed = sealFields(seal, 'deployment', 'd', { litellm_params: { $sealed: 'a caller may write this too' } })
  assert.deepEqual(openFields(seal, 'deployment', 'd', sealed.json).json, {
    litellm_params: { $sealed: 'a caller may write this too' },
  })
  assert.ok(openFields(seal, 'deployment', 'other', sealed.json).unreadable, 'moved to another row')
})

const times = { holdMs: 60_000, keepMs: 60_000 }

async function remember(store: Store, key: string): Promise<void> {
  const claim = { key, fingerprint: 'f', owner: 'o' }
  await store.claims.take(claim, times)
  await store.claims.answer(claim, { status: 200, body: canary }, times.keepMs)
}

async function remembered(store: Store, key: string): Promise<string | undefined> {
  const claimed = await store.claims.take({ key, fingerprint: 'f', owner: 'o' }, times)
  return claimed.state === 'answered' ? claimed.answer.body : undefined
}

onEveryStore('secrets at rest', (kind) => {
  const place = placeOfEachTest(kind)

  async function started(salt: string, previous: readonly string[] = []) {
    const opened = place.open({
      saltKey: new Secret(salt),
      previousSaltKeys: previous.map((key) => new Secret(key)),
    })
    await opened.store.start()
    return opened
  }

  async function fill(store: Store, suffix = ''): Promise<void> {
    await store.change({ actor }, async (transaction) => {
      await transaction.putResource('deployment', `d${suffix}`, {
        model_name: 'm',
        litellm_params: { api_key: canary },
      })
      await transaction.putResource('credential', `c${suffix}`, { credential_values: { api_key: canary } })
      await transaction.putResource('settings', 'gateway', {
        environment_variables: { KEY: canary },
        litellm_settings: { some: { deep: [canary] } },
      })
      await transaction.putRecord('key', `k${suffix}`, {
        key_alias: 'shown',
        metadata: { team: 'shown', logging: [{ callback_vars: { secret: canary } }] },
      })
    })
    await store.change({ actor }, async (transaction) => {
      await transaction.putResource('deployment', `d${suffix}`, { litellm_params: { api_key: `${canary}-2` } })
      await transaction.deleteResource('credential', `c${suffix}`)
    })
    await store.recordRefusal(
      actor,
      [{ kind: 'deployment', name: 'x', action: 'create', after: { litellm_params: { api_key: canary } } }],
      [],
    )
    await remember(store, `a${suffix}`)
  }

  /** Everything the database holds, as text. */
  async function dump(database: SqlDatabase): Promise<string> {
    if (database.dialect === 'sqlite') {
      const files = await readdir(place.dataDirectory)
      const contents = await Promise.all(files.map((file) => readFile(join(place.dataDirectory, file), 'latin1')))
      assert.ok(files.length >= 2 && contents.join('').length > 10_000, 'the file and its log')
      return contents.join('\n')
    }
    const tables = await database.query(
      `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name`,
    )
    const rows = await Promise.all(
      tables.map((row) => database.query(`SELECT CAST(t AS TEXT) AS row FROM ${text(row, 'table_name')} t`)),
    )
    return JSON.stringify(rows)
  }

  test('the database holds no secret in the clear, the store gives all of them back', async () => {
    const { store, database } = await started('salt')
    await fill(store)
    const everything = await dump(database)
    assert.ok(everything.includes('shown'), 'it is the right database')
    assert.ok(!everything.includes('canary'))
    assert.ok(!everything.includes(Buffer.from(canary).toString('base64').slice(2, 12)))
    const { resources } = await store.readResources(0)
    assert.deepEqual(
      resources.map(({ name, spec }) => [name, spec]),
      [
        ['d', { litellm_params: { api_key: `${canary}-2` } }],
        ['gateway', { environment_variables: { KEY: canary }, litellm_settings: { some: { deep: [canary] } } }],
      ],
    )
    assert.ok(JSON.stringify(await store.record('key', 'k')).includes(canary))
    assert.equal(await remembered(store, 'a'), canary)
    assert.ok(JSON.stringify(await store.journal({ limit: 5 })).includes(canary))
  })

  test('with another salt key what is sealed is reported, and all else works', async () => {
    const first = await started('salt')
    await fill(first.store)
    await first.store.change({ actor }, (transaction) => transaction.putResource('alias', 'plain', { model: 'm' }))
    const { store } = await started('other')
    const { resources } = await store.readResources(0)
    const reasons = Object.fromEntries(resources.map(({ name, spec, unreadable }) => [name, [spec, unreadable]]))
    assert.deepEqual(reasons.plain, [{ model: 'm' }, undefined])
    assert.deepEqual(reasons.d, [{}, `\`litellm_params\`: it was sealed with another key (${first.seal.keyId})`])
    assert.deepEqual(reasons.gateway, [{}, `it was sealed with another key (${first.seal.keyId})`])
    const key = await store.record('key', 'k')
    assert.equal(key?.body.key_alias, 'shown')
    assert.match(key?.unreadable ?? '', /^`metadata.logging`: /)
    assert.equal(await remembered(store, 'a'), undefined)
    const entries = await store.journal({ limit: 9 })
    assert.equal(entries.length, 4)
    assert.ok(!JSON.stringify(entries).includes('$sealed'))
    await store.change({ actor }, (transaction) =>
      transaction.putResource('deployment', 'd', { litellm_params: { api_key: 'new' } }),
    )
    const again = (await store.readResources(0)).resources.find(({ name }) => name === 'd')
    assert.deepEqual([again?.spec, again?.unreadable], [{ litellm_params: { api_key: 'new' } }, undefined])
  })

  test('rotation seals everything anew, without a new revision, and the old key is needed no more', async () => {
    const old = await started('old')
    await fill(old.store)
    for (let index = 0; index < 250; index += 1) {
      await remember(old.store, `many-${index}`)
    }
    const rotating = await started('new', ['old'])
    await rotating.store.change({ actor }, (transaction) =>
      transaction.putResource('deployment', 'fresh', { litellm_params: { api_key: canary } }),
    )
    const { revision } = await rotating.store.head()
    const { resealed, unreadable } = await rotateSeal(rotating.database, rotating.seal)
    // Two resources, one record, three journal entries, 251 answers.
    assert.deepEqual([resealed, unreadable], [257, []])
    assert.equal((await rotating.store.head()).revision, revision)
    assert.deepEqual(await rotateSeal(rotating.database, rotating.seal), { resealed: 0, unreadable: [] })
    const { store } = await started('new')
    assert.deepEqual(
      (await store.readResources(0)).resources.filter((each) => each.unreadable !== undefined),
      [],
    )
    assert.deepEqual(await store.journal({ limit: 9 }), await rotating.store.journal({ limit: 9 }))
    assert.equal((await store.record('key', 'k'))?.unreadable, undefined)
    assert.equal(await remembered(store, 'many-249'), canary)
  })

  test('rotation leaves what no key opens as it is, names it, and goes on; changes go on meanwhile', async () => {
    const lost = await started('lost')
    await fill(lost.store, '-lost')
    const old = await started('old')
    await fill(old.store, '-old')
    const rotating = await started('new', ['old'])
    const [rotation] = await Promise.all([
      rotateSeal(rotating.database, rotating.seal),
      ...Array.from({ length: 10 }, (_, index) =>
        rotating.store.change({ actor }, (transaction) => transaction.putRecord('tag', `t${index}`, {})),
      ),
    ])
    const reason = `it was sealed with another key (${lost.seal.keyId})`
    assert.ok(rotation.unreadable.includes(`deployment d-lost: \`litellm_params\`: ${reason}`))
    assert.ok(rotation.unreadable.some((line) => line.startsWith('key k-lost: ')))
    assert.ok(rotation.unreadable.some((line) => line.startsWith('journal entry 1, deployment d-lost: ')))
    assert.ok(!rotation.unreadable.some((line) => line.includes('-old')))
    const { resources } = await rotating.store.readResources(0)
    assert.deepEqual(
      resources.filter(({ unreadable }) => unreadable !== undefined).map(({ name }) => name),
      ['d-lost'],
    )
  })
})
