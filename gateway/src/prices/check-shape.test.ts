import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonValue } from '../lib/json.ts'
import { checkShape } from './check-shape.ts'
import { MapRefused } from './refusal.ts'

function check(text: string): void {
  const value: JsonValue = JSON.parse(text)
  checkShape(Buffer.from(text), text, value)
}

const refused = (text: string, reason: RegExp): void =>
  assert.throws(
    () => check(text),
    (error) => error instanceof MapRefused && reason.test(error.message),
  )

test('any JSON whose keys are each once passes, whatever stands in its texts and however it is set', () => {
  const value = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }).filter((made) => !hasForbidden(made))
  fc.assert(fc.property(value, fc.nat(4), (made, indent) => check(JSON.stringify(made, undefined, indent))))
  check('{"a": "\\\\", "b:{": "\\":\\"", "\\\\": ["{", ":", {"a": {}}], "größe": null, "": -1.5e-7}')
})

test('a key that stands twice is named, at any depth, in either spelling', () => {
  const outer = fc.array(fc.constantFrom('[', '{'), { maxLength: 8 })
  const key = fc.string({ unit: 'binary', minLength: 1 }).filter((made) => made !== '__proto__')
  fc.assert(
    fc.property(outer, key, (around, twice) => {
      const inner = `{"x${JSON.stringify(twice).slice(1)}: 1, "x${escaped(twice)}": 2}`
      const wrap = (text: string, one: string): string => (one === '[' ? `[0, ${text}]` : `{"a": 1, "b": ${text}}`)
      refused(around.reduce(wrap, inner), /stands twice/)
    }),
  )
  refused('{"m": {"cost": 1, "co\\u0073t": 2}}', /^the key "cost" stands twice in "m"$/)
})

test('a key that would reach a prototype is refused in either spelling, and no deeper text than 32 levels is walked', () => {
  refused('{"m": [{"__proto__": 1}]}', /__proto__/)
  refused('{"\\u005f_proto__": {}}', /__proto__/)
  check(`${'['.repeat(32)}${']'.repeat(32)}`)
  refused(`${'['.repeat(33)}${']'.repeat(33)}`, /nested deeper than 32/)
  refused(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, /nested deeper than 32/)
})

/** Every character by its number. */
function escaped(text: string): string {
  return Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
    '',
  )
}

function hasForbidden(value: unknown): boolean {
  return JSON.stringify(value).includes('__proto__')
}
