import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../test/gateway.ts'

const config = `
model_list:
  - { model_name: both, litellm_params: { model: bedrock/anthropic.claude-v2, aws_region_name: eu-west-1 } }
  - { model_name: both, litellm_params: { model: openai/a, api_key: none, mock_response: hello } }
  - { model_name: only, litellm_params: { model: vertex_ai/gemini-pro } }
  - { model_name: backed, litellm_params: { model: sagemaker/x } }
router_settings: { fallbacks: [{ backed: [both] }] }
`

test('a file with providers that only LiteLLM serves serves all else, and says what it does not', async (context) => {
  const app = await startGateway(context, { config })
  for (let call = 0; call < 5; call += 1) assert.equal((await app.chat('both')).status, 200)
  assert.equal((await app.chat('backed')).status, 200)
  const refused = await app.chat('only')
  assert.equal(refused.status, 403)
  assert.match(refused.body.error.message, /its provider `vertex_ai` is not served by this version/)
  const { body } = await app.get('/config/status')
  const told = body.problems.filter(({ code }: { code: string }) => code === 'provider_not_served')
  assert.equal(told.length, 3)
})
