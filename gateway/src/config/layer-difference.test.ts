import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layerOf, model, models } from '../../test/control-plane.ts'
import { layerDifference } from './layer-difference.ts'

test('what came, went and changed is named, values are not', () => {
  const before = [
    layerOf({ models: [model('a', '1'), model('b', '2')], settings: { general_settings: { master_key: 'sk-1' } } }),
  ]
  const after = [
    layerOf({
      models: [model('a', '1', { timeout: 5 }), model('c', '3')],
      settings: { general_settings: { master_key: 'sk-2' } },
    }),
  ]
  assert.deepEqual(layerDifference(before, after), {
    added: ['deployment c (3)'],
    changed: ['deployment a (1)', 'settings gateway'],
    removed: ['deployment b (2)'],
    more: 0,
  })
})

test('of very many only the first are named, the rest are counted', () => {
  const difference = layerDifference([layerOf({})], [layerOf({ models: models(120) })])
  assert.equal(difference?.added.length, 50)
  assert.equal(difference?.more, 70)
})

test('nothing is told where nothing is known of before', () => {
  assert.equal(layerDifference(undefined, [layerOf({ models: models(1) })]), undefined)
  assert.deepEqual(layerDifference([layerOf({})], [layerOf({})]), { added: [], changed: [], removed: [], more: 0 })
})
