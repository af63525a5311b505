import assert from 'node:assert/strict'
import { test } from 'node:test'
import { masked, maskedCredential } from './masking.ts'

test('secrets are left out, what is named like one keeps four characters at each end', () => {
  assert.deepEqual(
    masked({
      model: 'openai/gpt-4o',
      api_key: 'sk-0123456789abcdefghij',
      vertex_credentials: { private_key: 'x' },
      azure_ad_token: 'token-with-many-letters',
      my_secret: 'short',
      some_pin_key: 12,
      apiKey: 'abcdefghijklmnopqrst',
      max_tokens: 10,
      input_cost_per_token: 1e-6,
      litellm_credential_name: 'shared',
    }),
    {
      model: 'openai/gpt-4o',
      azure_ad_token: 'toke****ters',
      my_secret: '****',
      some_pin_key: '****',
      apiKey: 'abcd****qrst',
      max_tokens: 10,
      input_cost_per_token: 1e-6,
      litellm_credential_name: 'shared',
    },
  )
})

test('headers, variables and what is below a secret name are masked whole', () => {
  assert.deepEqual(
    masked({
      extra_headers: { 'x-team': 'a-value-of-some-length', api_key: 'abcdefghijklmnopqrst' },
      nested: { list: [{ password: 'abcdefghijklmnopqrst', fine: 'yes' }] },
      auth: ['abcdefghijklmnopqrst', { a: 'short' }],
    }),
    {
      extra_headers: { 'x-team': 'a-va****ngth', api_key: 'abcd****qrst' },
      nested: { list: [{ password: 'abcd****qrst', fine: 'yes' }] },
      auth: ['abcd****qrst', { a: '****' }],
    },
  )
})

test('a URL is shown without its credentials and its query, and a key under an innocent name is masked', () => {
  assert.deepEqual(
    masked({
      api_base: 'https://user:pass@example.com/v1?key=1',
      note: 'sk-0123456789abcdefghij',
      plain: 'https://a.example/v1',
    }),
    { api_base: 'https://****@example.com/v1?****', note: 'sk-0****ghij', plain: 'https://a.example/v1' },
  )
})

test('a credential shows two characters at each end', () => {
  assert.equal(maskedCredential('sy0123456789ab'), 'sy****ab')
  assert.equal(maskedCredential('short'), '****')
  assert.deepEqual(maskedCredential({ a: ['abcdefghij', 1, null] }), { a: ['ab****ij', '****', null] })
})
