import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixtureBytes } from '../../../test/fixtures/read-fixture.ts'
import { createSseSplitter } from '../../lib/sse.ts'
import type { EventRelay } from '../dialect.ts'
import { gemini } from './gemini.ts'

function relay(name: string, model: string | undefined): { readonly relay: EventRelay; readonly out: Buffer } {
  const opened = gemini.openRelay({ model, includeUsage: false })
  const events = createSseSplitter().push(fixtureBytes(`gemini/${name}.sse`))
  return { relay: opened, out: Buffer.concat(events.map((event) => opened.push(event))) }
}

test('a stream passes byte for byte, and its usage and end are seen', () => {
  const { relay: seen, out } = relay('text', undefined)
  assert.deepEqual(out, fixtureBytes('gemini/text.sse'))
  assert.deepEqual([seen.started, seen.finished, seen.failure], [true, true, undefined])
  assert.deepEqual(seen.usage, { inputTokens: 9, outputTokens: 12, model: 'gemini-2.5-flash' })
})

test('the model is renamed where it differs', () => {
  const { out } = relay('text', 'mine')
  assert.ok(!out.includes('gemini-2.5-flash'))
  assert.equal(out.toString().match(/"modelVersion":"mine"/g)?.length, 3)
})

test('a cut stream has started and not finished', () => {
  const { relay: seen } = relay('cut', undefined)
  assert.deepEqual([seen.started, seen.finished], [true, false])
})

test('an error is held back and told', () => {
  const { relay: seen, out } = relay('error-mid-stream', undefined)
  assert.deepEqual(seen.failure, { message: 'The model is overloaded. Please try again later.', code: 'UNAVAILABLE' })
  assert.ok(!out.includes('overloaded'))
})

test('a blocked prompt is a whole stream; comments pass', () => {
  assert.equal(relay('prompt-blocked', undefined).relay.finished, true)
  const opened = gemini.openRelay({ model: 'm', includeUsage: true })
  assert.equal(opened.push(Buffer.from(': ping\n\n')).toString(), ': ping\n\n')
  assert.equal(opened.started, false)
  opened.push(Buffer.from('data: nonsense\n\n'))
  assert.ok(opened.failure)
})
