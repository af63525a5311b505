import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import OpenAI from 'openai'
import { type PlayedProvider, playProvider } from '../gateway/test/played/provider.ts'
import { type GatewayProcess, masterKey, startGateway } from './processes.ts'
import { pythonMissing } from './python.ts'

/** Code as users of LiteLLM's proxy have it, unchanged (issue #3, shows 8). */

const run = promisify(execFile)
const script = fileURLToPath(new URL('./clients/litellm_admin.py', import.meta.url))
const skip = (await pythonMissing()) ?? false

describe('clients of LiteLLM', () => {
  let provider: PlayedProvider
  let gateway: GatewayProcess

  before(async () => {
    provider = await playProvider()
    gateway = await startGateway({ environment: { PLAYED_KEY: 'sk-played', STORE_MODEL_IN_DB: 'True' } })
  })
  after(async () => {
    await gateway.stop()
    await provider.close()
  })

  it('run their admin script in Python without edits', { skip }, async () => {
    const { stdout } = await run('python3', [script, gateway.url, masterKey, `${provider.url}/v1`], {
      env: { PATH: process.env.PATH, NO_PROXY: '*' },
      timeout: 60_000,
    })
    assert.match(stdout, /^done/)
    assert.ok(!gateway.stderr().includes('sk-played'), 'a provider key is in the log')
  })

  it('call with a virtual key through the OpenAI library', async () => {
    await gateway.json('/model/new', {
      method: 'POST',
      body: JSON.stringify({
        model_name: 'library',
        litellm_params: { model: 'openai/library-1', api_base: `${provider.url}/v1`, api_key: 'os.environ/PLAYED_KEY' },
      }),
    })
    const made = await gateway.json<{ key: string }>('/key/generate', {
      method: 'POST',
      body: JSON.stringify({ models: ['library'], key_alias: 'library' }),
    })
    const client = new OpenAI({ apiKey: made.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
    const models = await client.models.list()
    assert.deepEqual(
      models.data.map((model) => model.id),
      ['library'],
    )
    const messages = [{ role: 'user', content: 'hello' }] as const
    const answer = await client.chat.completions.create({ model: 'library', messages: [...messages] })
    assert.ok(answer.choices[0]?.message.content)
    await assert.rejects(
      client.chat.completions.create({ model: 'other', messages: [...messages] }),
      (error: unknown) => error instanceof OpenAI.APIError && error.status === 403,
    )
    await gateway.json('/key/delete', { method: 'POST', body: JSON.stringify({ key_aliases: ['library'] }) })
    await assert.rejects(client.models.list(), (error: unknown) => error instanceof OpenAI.AuthenticationError)
  })
})
