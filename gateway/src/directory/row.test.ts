import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { noLimits } from '../core/principal.ts'
import type { JsonObject } from '../lib/json.ts'
import { CompiledKey } from './key.ts'
import { limitsOf } from './limits.ts'
import { Row } from './row.ts'
import { CompiledTeam } from './team.ts'
import { CompiledUser } from './user.ts'

const now = Date.UTC(2026, 10, 21)

function rowOf(body: JsonObject): { readonly row: Row; readonly odd: string[] } {
  const odd: string[] = []
  return { row: new Row({ kind: 'key', id: 'k' }, body, ({ field }) => odd.push(field)), odd }
}

function limits(body: JsonObject, ...others: readonly JsonObject[]) {
  return limitsOf(
    rowOf(body).row,
    others.map((other) => rowOf(other).row),
    now,
  ).limits
}

test('what cannot be read counts as the strictest it could mean, and is reported', () => {
  const { row, odd } = rowOf({
    models: 'gpt-4',
    allowed_routes: [7],
    expires: 'soon',
    blocked: 'no',
    max_budget: 'much',
    rpm_limit: -1,
    tpm_limit: Number.POSITIVE_INFINITY,
    aliases: ['a'],
    model_max_budget: { 'gpt-4': {}, claude: { budget_limit: 'x' } },
    model_rpm_limit: 5,
  })
  const { limits: read } = limitsOf(row, [], now)
  const key = new CompiledKey(row, read)
  assert.deepEqual(
    [key.models, key.allowedRoutes, key.expiresAt, key.blocked, { ...key.aliases }],
    [['no-default-models'], ['no-default-models'], 0, true, {}],
  )
  assert.deepEqual([read.maxBudget, read.requestsPerMinute, read.tokensPerMinute], [0, 0, 0])
  assert.deepEqual([...read.models.keys()], ['claude'])
  assert.equal(read.models.get('claude')?.maxBudget, 0)
  assert.deepEqual(
    new Set(odd),
    new Set([
      'models',
      'allowed_routes',
      'expires',
      'blocked',
      'max_budget',
      'rpm_limit',
      'tpm_limit',
      'aliases',
      'model_max_budget.claude',
      'model_rpm_limit',
    ]),
  )
})

test('null, an absent field and an empty one are the same, and 0 is a limit', () => {
  const empty = { models: null, aliases: {}, max_budget: null, rpm_limit: null, blocked: null, expires: null }
  for (const body of [{}, empty]) {
    const key = new CompiledKey(rowOf(body).row, limits(body))
    assert.deepEqual([key.models, key.blocked, key.expiresAt, key.limits], [[], false, undefined, noLimits])
  }
  assert.equal(limits({}), noLimits)
  assert.equal(limits({ budget_duration: '30d' }).any, false)
  assert.deepEqual([limits({ max_budget: 0 }).maxBudget, limits({ max_budget: 0 }).any], [0, true])
  assert.equal(limits({ max_parallel_requests: 0 }).maxParallel, 0)
})

test('a budget record fills what the row leaves open, amount and duration together', () => {
  const budget = {
    max_budget: 5,
    soft_budget: 4,
    budget_duration: '7d',
    rpm_limit: 3,
    budget_reset_at: '2026-12-01T00:00:00Z',
  }
  const filled = limits({ tpm_limit: 9 }, budget)
  assert.deepEqual(
    [filled.maxBudget, filled.softBudget, filled.budgetDuration, filled.requestsPerMinute, filled.tokensPerMinute],
    [5e9, 4e9, '7d', 3, 9],
  )
  assert.equal(filled.budgetResetAt, Date.UTC(2026, 11, 1))
  const own = limits({ max_budget: 1, rpm_limit: 2 }, budget)
  assert.deepEqual([own.maxBudget, own.budgetDuration, own.requestsPerMinute], [1e9, undefined, 2])
})

test('limits by model come from the row and from its metadata', () => {
  const read = limits({
    model_max_budget: {
      a: { budget_limit: 0.5, time_period: '1d' },
      b: { max_budget: 2, budget_duration: '1h' },
      c: 3,
    },
    metadata: { model_rpm_limit: { a: 1, d: null }, model_tpm_limit: { e: 7 } },
  })
  assert.deepEqual(Object.fromEntries(read.models), {
    a: { requestsPerMinute: 1, tokensPerMinute: undefined, maxBudget: 5e8, budgetDuration: '1d' },
    b: { requestsPerMinute: undefined, tokensPerMinute: undefined, maxBudget: 2e9, budgetDuration: '1h' },
    c: { requestsPerMinute: undefined, tokensPerMinute: undefined, maxBudget: 3e9, budgetDuration: undefined },
    e: { requestsPerMinute: undefined, tokensPerMinute: 7, maxBudget: undefined, budgetDuration: undefined },
  })
})

test('callers’ metadata gives no rights: only the fields that LiteLLM keeps there are read from it', () => {
  const metadata = {
    user_id: 'boss',
    team_id: 'red',
    models: ['*'],
    user_role: 'proxy_admin',
    blocked: false,
    tags: ['t'],
  }
  const key = new CompiledKey(rowOf({ models: ['a'], metadata }).row, noLimits)
  assert.deepEqual([key.userId, key.teamId, key.models, key.tags], [undefined, undefined, ['a'], ['t']])
  assert.equal(new CompiledUser(rowOf({ metadata }).row, noLimits).role, 'internal_user')
})

test('times are read as every writer prints them', () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5)
  for (const expires of [
    '2026-01-02T03:04:05Z',
    '2026-01-02 03:04:05+00:00',
    '2026-01-02T03:04:05',
    '2026-01-02 04:04:05+01:00',
    at,
  ]) {
    assert.equal(new CompiledKey(rowOf({ expires }).row, noLimits).expiresAt, at, String(expires))
  }
  assert.equal(new CompiledKey(rowOf({ expires: at, duration: '-1' }).row, noLimits).expiresAt, undefined)
})

test('nothing that a row can hold throws', () => {
  const fields = [
    'models',
    'aliases',
    'blocked',
    'expires',
    'metadata',
    'max_budget',
    'model_max_budget',
    'members_with_roles',
    'user_role',
    'litellm_model_table',
    'team_member_budget',
    'access_group_ids',
    'tags',
    'user_id',
    'budget_id',
    'temp_budget_expiry',
    'temp_budget_increase',
  ]
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...fields), fc.jsonValue()), (json) => {
      // Made of JSON values.
      const { row } = rowOf(json as JsonObject)
      const { limits: read } = limitsOf(row, [row, undefined], now)
      for (const subject of [new CompiledKey(row, read), new CompiledUser(row, read), new CompiledTeam(row, read)]) {
        assert.ok(Object.isFrozen(subject))
        assert.equal(typeof subject.rest, 'object')
      }
    }),
    { numRuns: 500 },
  )
})
