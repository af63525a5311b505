import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type NanoUsd, usdToNano } from '../../core/money.ts'
import { type Customer, type Limits, noLimits, type Principal } from '../../core/principal.ts'
import type { LimitSettings } from '../../core/settings.ts'
import { systemClock } from '../../lib/clock.ts'
import { CallLimits } from './call-limits.ts'
import { LimitFigures } from './figures.ts'
import type { CallSize, LimitedCall } from './limited-call.ts'
import { MemoryLimiter } from './memory.ts'
import { dollars, utcTime } from './refusal.ts'
import { Rules } from './rules.ts'
import { SpendBook } from './spend.ts'

function limits(some: Partial<Limits>): Limits {
  return { ...noLimits, any: true, ...some }
}

const settings: LimitSettings = {
  timezone: 'UTC',
  countedTokens: 'total',
  maxBudget: undefined,
  budgetDuration: undefined,
  maxParallel: undefined,
  maxParallelPerKey: undefined,
  maxEndUserBudget: undefined,
  endUserBudgetId: undefined,
  deploymentRates: false,
  providers: new Map(),
  tags: new Map(),
}

interface Who {
  readonly key?: Limits
  readonly user?: Limits
  readonly team?: Limits
  readonly member?: Limits
  readonly organization?: Limits
  readonly customer?: Limits
  readonly settings?: Partial<LimitSettings>
  readonly model?: string
}

const hash = 'ab'.repeat(32)

function callOf(who: Who): LimitedCall {
  const subject = (id: string, own: Limits) => ({ id, alias: '', limits: own, tags: [] })
  return {
    // Only ids and limits of a principal matter here.
    principal: {
      role: 'internal_user',
      userId: who.user === undefined && who.member === undefined ? '' : 'ada',
      key: subject(hash, who.key ?? noLimits),
      user: who.user && subject('ada', who.user),
      team: who.team && subject('blue', who.team),
      member: who.member && { teamId: 'blue', userId: 'ada', limits: who.member },
      organization: who.organization && subject('acme', who.organization),
    } as unknown as Principal,
    customer: who.customer && (subject('eve', who.customer) as unknown as Customer),
    endUser: who.customer && 'eve',
    endUserLimits: undefined,
    model: who.model ?? 'gpt',
    settings: { ...settings, ...who.settings },
    tags: [],
    tagged: [],
  }
}

function setUp() {
  const figures = new LimitFigures()
  const warned: string[] = []
  let now = Date.parse('2026-03-04T10:20:30.500Z')
  const limiter = new MemoryLimiter({
    now: () => now,
    seed: (demands) => demands.map(({ counter }) => ({ counter, amount: 0, resetsAt: undefined })),
  })
  const spending = new SpendBook({
    database: {
      dialect: 'sqlite',
      query: async () => [],
      // Answers as the store does, with the sums of what was written.
      transaction: async (_mode, work) =>
        work({
          query: async (text, parameters) => {
            if (text.startsWith('INSERT INTO midflight_spend_batch')) return [{ id: 'new' }]
            if (!text.includes('INSERT INTO midflight_spend ')) return []
            const rows = JSON.parse(String(parameters?.[0])) as [string, number, number | null, number | null][]
            return rows.map(([spender, amount, , end]) => ({ spender, amount, total: amount, window_end: end }))
          },
        }),
    },
    now: () => now,
    figures,
    onFailure: (error) => assert.fail(String(error)),
  })
  const calls = new CallLimits({
    limiter,
    clock: systemClock,
    spending,
    figures,
    windowMs: 60_000,
    onSoftBudget: (holder) => void warned.push(holder),
  })
  return {
    calls,
    spending,
    figures,
    warned,
    pass: (ms: number) => {
      now += ms
    },
    stop: () => Promise.all([limiter.stop(), spending.stop()]),
  }
}

const size: CallSize = { group: 'gpt', inputTokens: 10, outputTokens: 10, cost: 0, free: false }

/** @returns the message of the refusal; `undefined`: none */
async function refusalOf(
  calls: CallLimits,
  call: LimitedCall,
  of: Partial<CallSize> = {},
): Promise<string | undefined> {
  try {
    await calls.admit(call, () => ({ ...size, ...of }))
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const zero = 0 as NanoUsd

describe('rules of callers', () => {
  const budgets: readonly (readonly [string, Who, string])[] = [
    ['key', { key: limits({ maxBudget: zero }) }, 'Budget has been exceeded! Current cost: 0.0, Max budget: 0.0'],
    ['user', { user: limits({ maxBudget: zero }) }, 'ExceededBudget: User=ada over budget. Spend=0.0, Budget=0.0'],
    [
      'team',
      { team: limits({ maxBudget: zero }) },
      'Budget has been exceeded! Team=blue Current cost: 0.0, Max budget: 0.0',
    ],
    [
      'team member',
      { team: noLimits, member: limits({ maxBudget: zero }) },
      'Budget has been exceeded! User=ada in Team=blue Current cost: 0.0, Max budget: 0.0',
    ],
    [
      'organization',
      { organization: limits({ maxBudget: zero }) },
      'Budget has been exceeded! Organization=acme Current cost: 0.0, Max budget: 0.0',
    ],
    [
      'customer',
      { customer: limits({ maxBudget: zero }) },
      'ExceededBudget: End User=eve over budget. Spend=0.0, Budget=0.0',
    ],
    [
      'every customer, by the settings',
      { customer: noLimits, settings: { maxEndUserBudget: zero } },
      'ExceededBudget: End User=eve over budget. Spend=0.0, Budget=0.0',
    ],
    ['the proxy', { settings: { maxBudget: zero } }, 'Budget has been exceeded! Current cost: 0.0, Max budget: 0.0'],
    [
      'a model of a key',
      {
        key: limits({
          models: new Map([
            [
              'gpt',
              { requestsPerMinute: undefined, tokensPerMinute: undefined, maxBudget: zero, budgetDuration: '1d' },
            ],
          ]),
        }),
      },
      `Budget has been exceeded! LiteLLM Virtual Key: ${hash}, key_alias: None, exceeded budget for model=gpt Current cost: 0.0, Max budget: 0.0`,
    ],
  ]
  for (const [holder, who, message] of budgets) {
    it(`a budget of 0 of ${holder} refuses in LiteLLM's words`, async () => {
      const { calls, stop } = setUp()
      assert.equal(await refusalOf(calls, callOf(who)), message)
      assert.equal(await refusalOf(calls, callOf(who), { free: true }), message)
      await stop()
    })
  }

  it('a rate that is used up refuses with the holder, the measure and the time', async () => {
    const { calls, figures, stop } = setUp()
    const model = { requestsPerMinute: 0, tokensPerMinute: undefined, maxBudget: undefined, budgetDuration: undefined }
    const holders: readonly (readonly [Who, string])[] = [
      [{ key: limits({ requestsPerMinute: 0 }) }, `api_key: ${hash}. Limit type: requests`],
      [{ user: limits({ tokensPerMinute: 0 }) }, 'user: ada. Limit type: tokens'],
      [{ team: limits({ maxParallel: 0 }) }, 'team: blue. Limit type: max_parallel_requests'],
      [{ member: limits({ requestsPerMinute: 0 }) }, 'team_member: blue/ada. Limit type: requests'],
      [{ organization: limits({ requestsPerMinute: 0 }) }, 'organization: acme. Limit type: requests'],
      [{ customer: limits({ requestsPerMinute: 0 }) }, 'end_user: eve. Limit type: requests'],
      [{ key: limits({ models: new Map([['gpt', model]]) }) }, `model_per_key: ${hash}:gpt. Limit type: requests`],
      [{ team: limits({ models: new Map([['gpt', model]]) }) }, 'model_per_team: blue:gpt. Limit type: requests'],
    ]
    for (const [who, words] of holders) {
      const message = await refusalOf(calls, callOf(who))
      assert.ok(
        message?.startsWith(
          `Rate limit exceeded for ${words}. Current limit: 0, Remaining: 0. Limit resets at: 2026-03-04 10:2`,
        ),
        message,
      )
    }
    assert.equal(figures.refusals.get('model_per_team:requests'), 1)
    await stop()
  })

  it('limits of one model leave the others alone', async () => {
    const { calls, stop } = setUp()
    const model = { requestsPerMinute: 0, tokensPerMinute: undefined, maxBudget: undefined, budgetDuration: undefined }
    const key = limits({ models: new Map([['gpt', model]]) })
    assert.equal(await refusalOf(calls, callOf({ key, model: 'claude' })), undefined)
    await stop()
  })

  it('a user’s own budget rests while the key belongs to a team, as in LiteLLM', async () => {
    const { calls, stop } = setUp()
    assert.equal(await refusalOf(calls, callOf({ user: limits({ maxBudget: zero }), team: noLimits })), undefined)
    await stop()
  })

  it('a model that costs nothing needs no budget, and asks nothing where nothing else is limited', async () => {
    const { calls, stop } = setUp()
    const call = callOf({ key: limits({ maxBudget: usdToNano(1) }) })
    assert.equal(
      calls.admit(call, () => ({ ...size, free: true })),
      undefined,
    )
    assert.equal(
      calls.admit(callOf({}), () => assert.fail('the size was asked for')),
      undefined,
    )
    await stop()
  })

  it('a soft budget is told once per window and refuses nothing', async () => {
    const { calls, spending, warned, figures, pass, stop } = setUp()
    const call = callOf({ key: limits({ softBudget: usdToNano(0.5), budgetDuration: '1d' }) })
    const cost = usdToNano(0.4)
    for (let round = 0; round < 4; round += 1) {
      assert.equal(await refusalOf(calls, call), undefined)
      const served = { group: 'gpt', deployment: { id: 'one', provider: 'openai', limits: undefined } }
      calls.charge({ ...call, tags: ['a'] }, { cost, served }, 'no-row')
      await spending.write()
      calls.charge(call, { cost, served }, 'no-row')
    }
    assert.deepEqual(warned, [`api_key:${hash}`])
    assert.ok((figures.softBudgets.get('api_key') ?? 0) > 1)
    pass(86_400_000)
    await spending.write()
    await stop()
  })

  it('only the tokens that the settings name are counted', async () => {
    for (const [countedTokens, used] of [
      ['input', 100],
      ['output', 7],
      ['total', 107],
    ] as const) {
      const { calls, stop } = setUp()
      const call = callOf({ key: limits({ tokensPerMinute: 1_000_000 }), settings: { countedTokens } })
      const first = await calls.admit(call, () => size)
      const served = { group: 'gpt', deployment: { id: 'one', provider: 'openai', limits: undefined } }
      calls.settle(call, first, {
        succeeded: true,
        usage: { inputTokens: 100, outputTokens: 7 },
        cost: 0,
        served,
      })
      const second = await calls.admit(call, () => ({ ...size, inputTokens: 0, outputTokens: 0 }))
      const left = second?.reservation.remaining[0] ?? 0
      const [demand] = second?.demands ?? []
      assert.equal(1_000_000 - left - (demand?.amount ?? 0), used)
      await stop()
    }
  })

  it('a call that failed gives its tokens and its money back, and stays one request', async () => {
    const { calls, stop } = setUp()
    const call = callOf({
      key: limits({ requestsPerMinute: 2, tokensPerMinute: 1, maxBudget: usdToNano(1), maxParallel: 1 }),
    })
    for (let round = 0; round < 2; round += 1) {
      const admission = await calls.admit(call, () => ({ ...size, cost: 5_000_000_000 }))
      calls.settle(call, admission, {
        succeeded: false,
        usage: undefined,
        cost: undefined,
        served: undefined,
      })
    }
    assert.match((await refusalOf(calls, call)) ?? '', /Limit type: requests/)
    await stop()
  })

  it('tokens that a call under way holds are waited for, used-up ones are refused at once', async () => {
    const { calls, stop } = setUp()
    const call = callOf({ key: limits({ tokensPerMinute: 100 }) })
    const first = await calls.admit(call, () => size)
    const second = Promise.resolve(calls.admit(call, () => size))
    const served = { group: 'gpt', deployment: { id: 'one', provider: 'openai', limits: undefined } }
    const outcome = { succeeded: true, usage: { inputTokens: 50, outputTokens: 1 }, cost: 0, served }
    calls.settle(call, first, outcome)
    const admitted = await second
    assert.ok(admitted)
    calls.settle(call, admitted, outcome)
    const startedAt = performance.now()
    assert.match((await refusalOf(calls, call)) ?? '', /Limit type: tokens/)
    assert.ok(performance.now() - startedAt < 500)
    await stop()
  })

  it('money that a call under way holds is waited for, not refused', async () => {
    const { calls, stop } = setUp()
    const call = callOf({ key: limits({ maxBudget: usdToNano(1) }) })
    const first = await calls.admit(call, () => ({ ...size, cost: 9_000_000_000 }))
    const second = Promise.resolve(calls.admit(call, () => ({ ...size, cost: 9_000_000_000 })))
    calls.settle(call, first, { succeeded: true, usage: undefined, cost: 1_000, served: undefined })
    assert.ok(await second)
    await stop()
  })
})

describe('amounts and times in messages', () => {
  it('dollars are printed as Python prints a float', () => {
    const printed = [0, 1e9, 50_000_000, 123_456_789, 10_000, 1, 99_999, 100_000].map(dollars)
    assert.deepEqual(printed, ['0.0', '1.0', '0.05', '0.123456789', '1e-05', '1e-09', '9.9999e-05', '0.0001'])
  })

  it('a reset is never told too early', () => {
    assert.equal(utcTime(Date.parse('2026-03-04T10:20:30.001Z')), '2026-03-04 10:20:31 UTC')
  })
})

describe('the memory of rules', () => {
  it('callers without limits take none of it, and their cost is added to everybody all the same', () => {
    const rules = new Rules(60_000)
    const { principal } = callOf({ key: noLimits, team: noLimits, user: noLimits })
    const capped = { ...settings, maxBudget: usdToNano(5) }
    assert.deepEqual(rules.ofPrincipal(principal, 'gpt', settings).rules, [])
    assert.deepEqual(
      rules.ofPrincipal(principal, 'gpt', capped).rules.map(({ demand }) => demand.counter),
      ['proxy::budget'],
    )
    assert.deepEqual(
      rules.spendersOf(principal, 'gpt', settings).map(({ name }) => name),
      [`api_key:${hash}`, 'team:blue', 'user:ada', 'proxy:'],
    )
    assert.equal(rules.size, 0)
  })

  it('of callers with limits those of late are kept, once for all models without limits of their own', () => {
    const rules = new Rules(60_000)
    const models = new Map([
      ['dear', { requestsPerMinute: 1, tokensPerMinute: undefined, maxBudget: undefined, budgetDuration: undefined }],
    ])
    const call = callOf({ key: limits({ requestsPerMinute: 5, models }) })
    const cheap = rules.ofPrincipal(call.principal, 'cheap', settings)
    assert.equal(rules.ofPrincipal(call.principal, 'other', settings), cheap)
    assert.equal(rules.ofPrincipal(call.principal, 'dear', settings).rules.length, 2)
    for (let index = 0; index < 30_000; index += 1) {
      const { principal } = callOf({ key: limits({ requestsPerMinute: 5 }) })
      rules.ofPrincipal(principal, 'gpt', settings)
    }
    assert.ok(rules.size <= 10_000, `${rules.size} callers`)
    assert.notEqual(rules.ofPrincipal(call.principal, 'cheap', settings), cheap)
  })
})
