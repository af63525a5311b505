import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { globMatches } from './glob.ts'

test('a star stands for any text, also none; everything else for itself', () => {
  const fits: readonly (readonly [string, string])[] = [
    ['openai/*', 'openai/gpt-4o'],
    ['openai/*', 'openai/'],
    ['bedrock/us.*', 'bedrock/us.anthropic.claude'],
    ['*', ''],
    ['*', 'anything/at.all'],
    ['a*b*c', 'a-b-b-c'],
    ['', ''],
  ]
  for (const [pattern, text] of fits) assert.equal(globMatches(pattern, text), true, `${pattern} ${text}`)
  const others: readonly (readonly [string, string])[] = [
    ['openai/*', 'azure/openai/gpt-4o'],
    ['bedrock/us.*', 'bedrock/usa'],
    ['gpt-4', 'gpt-4o'],
    ['gpt-?', 'gpt-4'],
    ['a*b', 'a'],
    ['', 'a'],
    ['GPT-*', 'gpt-4'],
  ]
  for (const [pattern, text] of others) assert.equal(globMatches(pattern, text), false, `${pattern} ${text}`)
})

test('it agrees with the regular expression that the pattern means', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.', '/'), maxLength: 8 })
  fc.assert(
    fc.property(letters, letters, (pattern, text) => {
      const meant = pattern.replace(/[.*+?^${}()|[\]\\]/g, (sign) => (sign === '*' ? '[^]*' : `\\${sign}`))
      assert.equal(globMatches(pattern, text), new RegExp(`^${meant}$`).test(text))
    }),
    { numRuns: 3_000 },
  )
})

test('a pattern fits every text that is made of its parts', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }),
      fc.string(),
      (parts, filling) => {
        const plain = parts.map((part) => part.replaceAll('*', ''))
        assert.equal(globMatches(plain.join('*'), plain.join(filling)), true)
      },
    ),
  )
})

test('a pattern of many stars takes no longer than its length times the text', () => {
  const startedAt = performance.now()
  assert.equal(globMatches(`${'*a'.repeat(50)}*b`, 'a'.repeat(10_000)), false)
  assert.ok(performance.now() - startedAt < 1_000)
})
