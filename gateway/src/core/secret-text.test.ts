import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secretsSent, withoutValues } from './secret-text.ts'
import type { Endpoint } from './wire.ts'

const endpoint: Endpoint = {
  origin: 'https://api.example.com',
  path: '/v1/chat?api-version=2024-10-21&sig=abc/def/0123',
  headers: [
    ...[
      'content-type',
      'application/json',
      'authorization',
      'Bearer plain-words-only',
      'anthropic-version',
      '2023-06-01',
    ],
    ...['cookie', 'session=s3ss10n; theme=dark', 'x-tenant', 'tenant-42', 'x-short', 'abc'],
  ],
}

test('what was sent as a secret is taken out of what the provider says, whatever it looks like', () => {
  const secrets = secretsSent(endpoint, {
    token: 'body-token',
    nested: [{ password: 'hidden' }],
    style: 'visible-style',
  })
  for (const secret of ['plain-words-only', 's3ss10n', 'tenant-42', 'abc/def/0123', 'body-token', 'hidden']) {
    assert.equal(withoutValues(`refused: ${secret}!`, secrets), 'refused: [redacted]!')
  }
  const open = 'application/json 2023-06-01 2024-10-21 visible-style abc dark Bearer'
  assert.equal(withoutValues(open, secrets), open)
})

test('of a secret that contains another nothing is left', () => {
  const secrets = secretsSent({ ...endpoint, headers: ['a', 'secret-one', 'b', 'secret-one-and-more'] }, {})
  assert.equal(withoutValues('secret-one-and-more secret-one', secrets), '[redacted] [redacted]')
})
