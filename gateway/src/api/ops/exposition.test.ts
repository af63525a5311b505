import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Buckets, bucketsOf, Exposition } from './exposition.ts'

test('what stands in a label cannot end it', () => {
  const page = new Exposition()
  page.family('refused', 'By source', 'counter')
  page.sample('refused', 2, { source: 'a"b\\c\nd', le: 0.5 })
  assert.equal(
    page.toString(),
    '# HELP refused By source\n# TYPE refused counter\nrefused{source="a\\"b\\\\c\\nd",le="0.5"} 2\n',
  )
})

test('a histogram counts each observation up to every bound that it does not pass, and beyond the last one too', () => {
  const byLabel = new Map<string, Buckets>()
  for (const value of [0.5, 1, 1.5, 9]) bucketsOf(byLabel, 'x', [1, 2]).observe(value)
  const page = new Exposition()
  page.histograms('took', 'Seconds', 'hint', byLabel)
  assert.deepEqual(page.toString().split('\n').slice(2), [
    'took_bucket{hint="x",le="1"} 2',
    'took_bucket{hint="x",le="2"} 3',
    'took_bucket{hint="x",le="+Inf"} 4',
    'took_sum{hint="x"} 12',
    'took_count{hint="x"} 4',
    '',
  ])
})
