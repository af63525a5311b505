import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actor, onEveryStore, placeOfEachTest } from '../../test/opened-store.ts'

onEveryStore('records that mention a name,', (kind) => {
  const place = placeOfEachTest(kind)

  test('are found by the whole name, whatever its letters, and by nothing else', async () => {
    const { store } = place.open()
    await store.start()
    const names = ['gpt-4', "o'neil", 'a"b\\c', 'große-Ünicode 🛫', 'per%cent_', '*', 'two\nlines']
    await store.change({ actor }, async (transaction) => {
      for (const [index, name] of names.entries()) {
        await transaction.putRecord('key', `k${index}`, { models: ['other', name] })
      }
      await transaction.putRecord('key', 'alias', { aliases: { mine: 'gpt-4' } })
      await transaction.putRecord('key', 'longer', { models: ['gpt-4o', 'GPT-4', 'xgpt-4'] })
      await transaction.putRecord('team', 'team', { models: ['gpt-4'] })
    })
    for (const [index, name] of names.entries()) {
      const { records } = await store.records({ kind: 'key', mentions: name })
      const expected = name === 'gpt-4' ? ['alias', `k${index}`] : [`k${index}`]
      assert.deepEqual(records.map(({ id }) => id).sort(), expected, name)
    }
    assert.equal((await store.records({ kind: 'key', mentions: 'nobody' })).total, 0)
    assert.equal((await store.records({ kind: 'key', mentions: 'other', limit: 2 })).total, names.length)
  })
})
