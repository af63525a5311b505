import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layerOf, PlayedInputs } from '../../test/control-plane.ts'
import type { JsonObject } from '../lib/json.ts'
import { bootSettingsOf } from './boot-settings.ts'

const inputs = new PlayedInputs({ 'env:URL': 'postgresql://x', 'env:EMPTY': '', 'file:/key': 'sk-file' })

async function of(general: JsonObject) {
  return bootSettingsOf(layerOf({ settings: { general_settings: general } }), inputs)
}

test('database and master key are read from the file before anything else, references included', async () => {
  assert.deepEqual(await of({ database_url: 'os.environ/URL', master_key: 'file:/key' }), {
    databaseUrl: 'postgresql://x',
    masterKey: 'sk-file',
  })
  assert.deepEqual(await of({ database_url: 'postgresql://y' }), {
    databaseUrl: 'postgresql://y',
    masterKey: undefined,
  })
})

test('what is not set, empty, no text, or refers to nothing is not there', async () => {
  const none = { databaseUrl: undefined, masterKey: undefined }
  assert.deepEqual(await of({}), none)
  assert.deepEqual(await of({ database_url: '', master_key: null }), none)
  assert.deepEqual(await of({ database_url: 'os.environ/EMPTY', master_key: 'os.environ/MISSING' }), none)
  assert.deepEqual(await bootSettingsOf(layerOf({}), inputs), none)
})
