import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutSecrets } from '../core/secret-text.ts'
import { failureText, maxFailureText } from './failure-text.ts'

test('whatever looks like a credential is replaced, whoever echoes it', () => {
  const secrets = [
    'sk-proj-abcdefghijklmnop123',
    'sk-ant-api03-xyz_ABC-123',
    'Bearer abc123def456',
    'bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln',
    'AIzaSyA1234567890abcdefghijklmnopqrstuv',
    'gsk_0123456789abcdef',
    'xai-0123456789abcdef',
    'nvapi-0123456789abcdef',
    'pplx-0123456789abcdef',
    'hf_0123456789abcdef',
    'ghp_0123456789abcdef',
    'ya29.a0AfB_byC1234567890',
  ]
  for (const secret of secrets) {
    const clean = withoutSecrets(`Key (${secret}) refused.`)
    assert.match(clean, /\[redacted\]/, secret)
    const tail = secret.slice(-6)
    assert.ok(!clean.includes(tail), clean)
    assert.match(clean, /refused\.$/)
  }
})

test('a value that is named as a credential goes, its name stays', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['x-api-key: 0123456789', 'x-api-key: [redacted]'],
    ['{"api_key": "0123456789"}', '{"api_key": "[redacted]"}'],
    ['GET /v1?key=0123456789&alt=sse', 'GET /v1?key=[redacted]&alt=sse'],
    ['Authorization: Basic dXNlcjpwYXNz', 'Authorization: Basic [redacted]'],
    ['Incorrect API key provided: 0123456789', 'Incorrect API key provided: [redacted]'],
  ]
  for (const [text, clean] of cases) assert.equal(withoutSecrets(text), clean)
})

test('ordinary words are left alone', () => {
  const text =
    'The task-based risk-aware model gpt-4o needs a Bearer token; max_tokens: 4096, api key is missing, desk-top.'
  assert.equal(withoutSecrets(text), text)
})

test('a page becomes its visible text', () => {
  assert.equal(
    failureText(
      '<!DOCTYPE html>\n<html><head><style>a{}</style></head><body><h1>Oh &amp; no</h1>\n<p>502</p></body></html>',
    ),
    'Oh & no 502',
  )
  assert.equal(failureText('a < b and c > d'), 'a < b and c > d')
})

test('long text is cut at 2,000 characters, not inside one', () => {
  const long = failureText('🛫'.repeat(3000))
  assert.ok(long.length <= maxFailureText)
  assert.ok(long.endsWith('🛫…'))
  assert.ok(long.isWellFormed())
  assert.equal(failureText('x'.repeat(2000)).length, 2000)
})

test('a hostile page of 64 KiB is read in a moment', () => {
  const started = performance.now()
  failureText(`<html>${'<script'.repeat(9000)}`)
  failureText(`<html>${'<'.repeat(65_000)}`)
  withoutSecrets('Bearer '.repeat(9000))
  withoutSecrets(`api_key${' '.repeat(60_000)}`)
  withoutSecrets('eyJ'.repeat(20_000))
  assert.ok(performance.now() - started < 1000, `${performance.now() - started} ms`)
})
