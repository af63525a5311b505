import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLitellmOnly, litellmParams } from '../../config/schema/litellm-params.ts'
import { settingsSchema } from '../../config/schema/settings.ts'
import { priceFields } from '../../core/cost/price-fields.ts'
import {
  allowedFailsPolicyKeys,
  type DocumentedKeys,
  generalSettingsKeys,
  litellmParamsKeys,
  litellmSettingsKeys,
  modelInfoKeys,
  retryPolicyKeys,
  routerSettingsKeys,
} from './documented-keys.ts'

const { shape } = settingsSchema
const routerShape = shape.router_settings.unwrap().unwrap().shape

function honoured(table: DocumentedKeys): readonly string[] {
  return [...table].flatMap(([key, { type }]) => (type === 'honoured' ? [key] : [])).sort()
}

/** Aliases are resources of their own: split.ts reads them, no schema of the settings does. */
function readBy(schemaShape: object, ...elsewhere: readonly string[]): readonly string[] {
  return [...Object.keys(schemaShape), ...elsewhere].sort()
}

test('the keys called honoured are exactly those that the config schemas read', () => {
  assert.deepEqual(honoured(litellmParamsKeys), readBy(litellmParams.shape, ...priceFields))
  assert.deepEqual(
    honoured(generalSettingsKeys),
    readBy(shape.general_settings.unwrap().unwrap().shape, 'database_url'),
  )
  assert.deepEqual(
    honoured(litellmSettingsKeys),
    readBy(shape.litellm_settings.unwrap().unwrap().shape, 'model_alias_map'),
  )
  // Where a Redis and the database are is read at start (config/boot-settings.ts).
  const redis = ['redis_url', 'redis_host', 'redis_port', 'redis_password', 'redis_db']
  assert.deepEqual(honoured(routerSettingsKeys), readBy(routerShape, 'model_group_alias', ...redis))
  assert.deepEqual(honoured(retryPolicyKeys), readBy(routerShape.retry_policy.unwrap().unwrap().shape))
  assert.deepEqual(honoured(allowedFailsPolicyKeys), readBy(routerShape.allowed_fails_policy.unwrap().unwrap().shape))
  assert.deepEqual(
    honoured(modelInfoKeys),
    readBy(
      {},
      ...['access_groups', 'base_model', 'id', 'team_id'],
      ...['health_check_model', 'health_check_timeout', 'disable_background_health_check'],
      ...priceFields,
    ),
  )
})

test('the deployment kind warns of every documented parameter that has no effect', () => {
  const silent = [...litellmParamsKeys].filter(([key, { type }]) => type !== 'honoured' && !isLitellmOnly(key))
  assert.deepEqual(silent, [])
})
