import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nanoToText, usdToNano } from '../money.ts'
import { divideHalfEven, parseRate, rateToNano, rateToNumber, rateToText } from './rate.ts'

test('a price is held as it is written, to its last decimal', () => {
  for (const text of ['0.0000025', '0', '3', '1.0', '0.000000000000000000000001', '12.5', '999999999999']) {
    assert.equal(rateToText(parseRate(text) ?? -1n), text.replace(/\.0$/, ''))
  }
  assert.equal(rateToText(parseRate(2.5e-6) ?? -1n), '0.0000025')
  assert.equal(rateToText(parseRate('2.9999900000000002e-06') ?? -1n), '0.0000029999900000000002')
  assert.equal(rateToText(parseRate(0.1) ?? -1n), '0.1')
  assert.equal(rateToText(parseRate(' 1E-7 ') ?? -1n), '0.0000001')
  assert.equal(rateToText(parseRate('.5') ?? -1n), '0.5')
  assert.equal(rateToText(parseRate('5.') ?? -1n), '5')
  assert.equal(rateToNumber(parseRate(2.0751953125e-9) ?? -1n), 2.0751953125e-9)
})

test('what is no price of 0 or more has no rate', () => {
  const wrong = [
    '',
    ' ',
    '.',
    '-',
    '-1',
    '-1e-9',
    'free',
    '1e',
    'e5',
    '0x10',
    '1_000',
    '1,5',
    'NaN',
    'Infinity',
    '1e13',
    '9'.repeat(14),
  ]
  for (const value of [...wrong, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300, null, undefined, true, {}, []]) {
    assert.equal(parseRate(value), undefined, String(value))
  }
  assert.equal(parseRate('1e99999'), undefined)
  assert.equal(parseRate('-0'), 0n)
  assert.equal(parseRate(-0), 0n)
})

test('what lies behind the last place is rounded, half to even', () => {
  assert.equal(parseRate('2.5e-24'), 2n)
  assert.equal(parseRate('3.5e-24'), 4n)
  assert.equal(parseRate('2.500001e-24'), 3n)
  assert.equal(parseRate('4e-25'), 0n)
  assert.equal(parseRate('6e-25'), 1n)
  assert.equal(parseRate('9e-300'), 0n)
})

test('a price per thousand, or per second, is the exact one of one of them', () => {
  assert.equal(parseRate(2.5, -3), parseRate('0.0025'))
  assert.equal(parseRate('0.0002833333333333333', -3), parseRate('0.0000002833333333333333'))
})

test('a cost is rounded half to even to a billionth of a dollar, and never beyond what adds up', () => {
  const rate = (text: string) => parseRate(text) ?? -1n
  assert.equal(rateToNano(rate('0.0000000005')), 0)
  assert.equal(rateToNano(rate('0.0000000015')), 2)
  assert.equal(rateToNano(rate('0.0000000025')), 2)
  assert.equal(rateToNano(rate('0.00000000250000000001')), 3)
  assert.equal(rateToNano(rate('999999999999')), Number.MAX_SAFE_INTEGER)
  assert.equal(divideHalfEven(-5n, 2n), -2n)
})

test('a header shows a plain decimal', () => {
  const shown = (usd: number) => nanoToText(usdToNano(usd))
  assert.deepEqual([0, 1, 0.0000125, 0.000000001, 12.34, 1e6].map(shown), [
    '0',
    '1',
    '0.0000125',
    '0.000000001',
    '12.34',
    '1000000',
  ])
  assert.equal(shown(-0.5), '-0.5')
})
