import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type RecordWrite, writeRecords } from '../../test/callers.ts'
import { actor, createSqliteKind } from '../../test/opened-store.ts'
import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import { memberId, type RecordId, type RecordKind } from '../core/record.ts'
import type { Store } from '../core/store.ts'
import type { Clock } from '../lib/clock.ts'
import type { JsonObject } from '../lib/json.ts'
import { Directory } from './directory.ts'
import type { Oddity } from './row.ts'

/** Who may call, over a real SQLite file; only the time is the test's. */

const sqlite = createSqliteKind()
let store: Store

before(async () => {
  store = (await sqlite.place()).open().store
  await store.start()
})

after(() => sqlite.stop())

/** Commits records, as another replica would: nobody here is told. */
async function commit(...records: readonly RecordWrite[]): Promise<void> {
  await store.change({ actor }, (transaction) => writeRecords(transaction, ...records))
}

interface Bench {
  readonly directory: Directory
  readonly reads: RecordId[]
  readonly oddities: Oddity[]
  /** Moves both clocks, ms. */
  pass(ms: number): void
  /** What the store's health says, and whether it answers. */
  away(state: { reachable: boolean; answers: boolean }): void
  /** The next read's answer is on its way until `release` is called. */
  hold(): { readonly read: Promise<void>; release(): void }
}

function bench(options: { capacity?: number } = {}): Bench {
  const reads: RecordId[] = []
  const oddities: Oddity[] = []
  let passed = 0
  let state = { reachable: true, answers: true }
  const clock: Clock = { now: () => performance.now() + passed, wall: () => Date.now() + passed }
  const answer = () => {
    if (!state.answers) throw new GatewayError('store_unavailable', 'The store does not answer.')
  }
  let held: { read: () => void; released: Promise<void> } | undefined
  // The real store behind a counter and a switch.
  const counted: Pick<Store, 'record' | 'records'> = {
    async record(kind, id) {
      reads.push({ kind, id })
      answer()
      const record = await store.record(kind, id)
      const holding = held
      held = undefined
      holding?.read()
      await holding?.released
      return record
    },
    async records(query) {
      const ids = query.where?.id
      reads.push(...(Array.isArray(ids) ? [{ kind: query.kind, id: `${ids.length} at once` }] : []))
      answer()
      return store.records(query)
    },
  }
  const directory = new Directory({
    store: counted,
    clock,
    reachable: () => state.reachable,
    report: (oddity) => oddities.push(oddity),
    ...options,
  })
  return {
    directory,
    reads,
    oddities,
    pass(ms) {
      passed += ms
    },
    away(next) {
      state = next
    },
    hold() {
      const read = Promise.withResolvers<void>()
      const released = Promise.withResolvers<void>()
      held = { read: read.resolve, released: released.promise }
      return { read: read.promise, release: released.resolve }
    },
  }
}

let made = 0
function newKey(): string {
  made += 1
  return hash('sha256', `sk-${made}`)
}

async function principal(directory: Directory, id: string): Promise<Principal> {
  const found = await directory.principalOf(id)
  assert.ok(found !== undefined, 'the key is known')
  return found
}

test('a key is read once, and from then on the same principal is there at once', async () => {
  const id = newKey()
  await commit(
    [
      'key',
      id,
      {
        key_name: 'sk-...abcd',
        key_alias: 'mine',
        user_id: 'u1',
        team_id: 't1',
        models: ['gpt-4'],
        agent_id: 'a1',
        metadata: { own: true },
        config: {},
        expires: null,
      },
    ],
    ['user', 'u1', { user_role: 'proxy_admin_viewer', user_email: 'a@b.c' }],
    [
      'team',
      't1',
      { team_alias: 'red', organization_id: 'o1', members_with_roles: [{ user_id: 'u1', role: 'admin' }] },
    ],
    ['organization', 'o1', { organization_alias: 'all', models: ['gpt-4', 'claude'] }],
  )
  const { directory, reads } = bench()
  assert.ok(directory.principalOf(id) instanceof Promise)
  const found = await principal(directory, id)
  assert.equal(directory.principalOf(id), found)
  assert.equal(found.role, 'proxy_admin_viewer')
  assert.equal(found.userId, 'u1')
  assert.deepEqual([found.key?.alias, found.key?.shownAs, found.key?.models], ['mine', 'sk-...abcd', ['gpt-4']])
  assert.deepEqual(found.team?.members, [{ userId: 'u1', role: 'admin' }])
  assert.equal(found.organization?.id, 'o1')
  assert.deepEqual(reads.map(({ kind }) => kind).sort(), ['key', 'organization', 'team', 'team-member', 'user'])
  assert.ok(Object.isFrozen(found) && Object.isFrozen(found.key))
  assert.deepEqual(found.key?.rest, { agent_id: 'a1', metadata: { own: true } })
  assert.deepEqual(found.key?.metadata, { own: true })
})

test('roles: of the user, of a team without a user, of nobody', async () => {
  const [admin, team, nobody, unknownUser, odd] = [newKey(), newKey(), newKey(), newKey(), newKey()]
  await commit(
    ['user', 'boss', { user_role: 'proxy_admin' }],
    ['user', 'later', { user_role: 'galactic_admin' }],
    ['team', 'blue', {}],
    ['key', admin, { user_id: 'boss' }],
    ['key', team, { team_id: 'blue' }],
    ['key', nobody, {}],
    ['key', unknownUser, { user_id: 'never-seen' }],
    ['key', odd, { user_id: 'later' }],
  )
  const { directory, oddities } = bench()
  const roles = await Promise.all([admin, team, nobody, unknownUser, odd].map((id) => principal(directory, id)))
  assert.deepEqual(
    roles.map(({ role }) => role),
    ['proxy_admin', 'team', 'internal_user', 'internal_user', 'internal_user_viewer'],
  )
  assert.deepEqual(oddities, [
    { kind: 'user', id: 'later', field: 'user_role', expected: 'a role that this version knows' },
  ])
})

test('1,000 callers of one cold key cause one read; 1,000 cold keys are read together', async () => {
  const id = newKey()
  const many = Array.from({ length: 1_000 }, () => newKey())
  await commit(['key', id, {}], ...many.map((each) => ['key', each, {}] as const))
  const { directory, reads } = bench()
  const found = await Promise.all(Array.from({ length: 1_000 }, () => principal(directory, id)))
  assert.equal(new Set(found).size, 1)
  assert.equal(reads.length, 1)
  assert.equal(new Set(await Promise.all(many.map((each) => principal(directory, each)))).size, 1_000)
  assert.deepEqual(reads.slice(1), [
    { kind: 'key', id: '500 at once' },
    { kind: 'key', id: '500 at once' },
  ])
})

test('a flood of invented keys costs the store few reads and no known key its place', async () => {
  const id = newKey()
  await commit(['key', id, {}])
  const { directory, reads } = bench({ capacity: 100 })
  const known = await principal(directory, id)
  reads.length = 0
  const startedAt = performance.now()
  for (let wave = 0; wave < 20; wave += 1) {
    const invented = Array.from({ length: 250 }, (_, index) => hash('sha256', `sk-invented-${wave}-${index}`))
    const found = await Promise.all(invented.map((each) => directory.principalOf(each)))
    assert.ok(found.every((each) => each === undefined))
  }
  const seconds = (performance.now() - startedAt) / 1_000
  assert.ok(reads.length <= 50 + 50 * seconds + 2, `${reads.length} reads in ${seconds} s`)
  assert.equal(directory.principalOf(id), known)
})

test('what changed is forgotten by its id, and everything made of it is made anew', async () => {
  const id = newKey()
  await commit(
    ['key', id, { user_id: 'u2', team_id: 't2', budget_id: 'b2', access_group_ids: ['g2'] }],
    ['user', 'u2', {}],
    ['team', 't2', {}],
    ['budget', 'b2', { max_budget: 5, budget_duration: '30d', rpm_limit: 7 }],
    ['access-group', 'g2', { access_model_names: ['m1'] }],
  )
  const { directory } = bench()
  const first = await principal(directory, id)
  assert.equal(first.key?.limits.maxBudget, 5e9)
  assert.equal(first.key?.limits.budgetDuration, '30d')
  assert.deepEqual(first.granted?.key, ['m1'])
  const changes: readonly (readonly [RecordKind, string, JsonObject, (changed: Principal) => unknown, unknown])[] = [
    [
      'key',
      id,
      { user_id: 'u2', team_id: 't2', budget_id: 'b2', access_group_ids: ['g2'], blocked: true },
      (p) => p.key?.blocked,
      true,
    ],
    ['user', 'u2', { user_role: 'proxy_admin' }, (p) => p.role, 'proxy_admin'],
    ['team', 't2', { blocked: true }, (p) => p.team?.blocked, true],
    ['budget', 'b2', { max_budget: 0 }, (p) => p.key?.limits.maxBudget, 0],
    ['access-group', 'g2', { access_model_names: ['m2'] }, (p) => p.granted?.key[0], 'm2'],
    ['team-member', memberId('t2', 'u2'), { max_budget_in_team: 1 }, (p) => p.member?.limits.maxBudget, 1e9],
  ]
  let before = first
  for (const [kind, changed, body, shown, expected] of changes) {
    await commit([kind, changed, body])
    assert.equal(directory.principalOf(id), before, `${kind}: nobody told`)
    directory.invalidate([{ kind, id: changed }])
    const next = await principal(directory, id)
    assert.notEqual(next, before)
    assert.deepEqual(shown(next), expected)
    before = next
  }
  directory.invalidate([
    { kind: 'user', id: 'somebody-else' },
    { kind: 'source', id: 'file' },
  ])
  assert.equal(directory.principalOf(id), before)
  directory.invalidate('all')
  assert.equal(directory.size, 0)
  assert.notEqual(await principal(directory, id), before)
})

test('a record that is changed while it is read is read again: the old one never comes back', async () => {
  const id = newKey()
  await commit(['key', id, { key_alias: 'old' }])
  const { directory, reads, hold } = bench()
  const { read, release } = hold()
  const reading = principal(directory, id)
  await read
  await commit(['key', id, { key_alias: 'new' }])
  directory.invalidate([{ kind: 'key', id }])
  release()
  assert.equal((await reading).key?.alias, 'new')
  assert.equal((await principal(directory, id)).key?.alias, 'new')
  assert.equal(reads.length, 2)
})

test('a key that did not exist is known as soon as its creation is told', async () => {
  const id = newKey()
  const { directory, reads } = bench()
  assert.equal(await directory.principalOf(id), undefined)
  assert.equal(await directory.principalOf(id), undefined)
  assert.deepEqual(
    reads.map(({ kind }) => kind),
    ['key', 'retired-key'],
  )
  await commit(['key', id, {}])
  directory.invalidate([{ kind: 'key', id }])
  assert.equal((await principal(directory, id)).key?.id, id)
})

test('a retired key counts as its successor until its grace period ends, also over two successions', async () => {
  const [first, second, third] = [newKey(), newKey(), newKey()]
  const soon = new Date(Date.now() + 10_000).toISOString()
  const later = new Date(Date.now() + 20_000).toISOString()
  await commit(
    ['retired-key', first, { active_token_id: second, revoke_at: soon }],
    ['retired-key', second, { active_token_id: third, revoke_at: later }],
    ['key', third, { key_alias: 'newest' }],
  )
  const { directory, pass } = bench()
  assert.equal((await principal(directory, first)).key?.id, third)
  assert.equal(await directory.principalOf(first), directory.principalOf(third))
  pass(9_000)
  assert.equal((await principal(directory, first)).key?.alias, 'newest')
  pass(1_100)
  assert.equal(await directory.principalOf(first), undefined)
  assert.equal((await principal(directory, second)).key?.alias, 'newest')
  pass(10_000)
  assert.equal(await directory.principalOf(second), undefined)
  assert.equal((await principal(directory, third)).key?.alias, 'newest')
})

test('while the store is away known keys go on past their time, and unknown ones are no 401', async () => {
  const [known, unknown] = [newKey(), newKey()]
  await commit(['key', known, { team_id: 't3' }], ['team', 't3', {}], ['key', unknown, {}])
  const { directory, away, pass, reads } = bench()
  const before = await principal(directory, known)
  away({ reachable: false, answers: false })
  pass(3_600_000)
  reads.length = 0
  assert.equal(directory.principalOf(known), before)
  assert.equal(reads.length, 0)
  await assert.rejects(async () => directory.principalOf(unknown), { code: 'store_unavailable' })
  // Its health is not known to be bad yet, and it does not answer any more.
  away({ reachable: true, answers: false })
  assert.equal((await principal(directory, known)).key, before.key)
  away({ reachable: true, answers: true })
  pass(10_000)
  const again = await principal(directory, known)
  assert.notEqual(again, before)
  assert.equal((await principal(directory, unknown)).key?.id, unknown)
})

test('a key that was told to have changed is not served from what was known of it', async () => {
  const id = newKey()
  await commit(['key', id, {}])
  const { directory, away } = bench()
  await principal(directory, id)
  directory.invalidate([{ kind: 'key', id }])
  away({ reachable: true, answers: false })
  await assert.rejects(async () => directory.principalOf(id), { code: 'store_unavailable' })
})

test('what is not asked for is forgotten first, and memory is bounded', async () => {
  const ids = Array.from({ length: 300 }, () => newKey())
  await commit(...ids.map((id) => ['key', id, {}] as const))
  const { directory } = bench({ capacity: 100 })
  const [often = ''] = ids
  for (const id of ids) {
    await principal(directory, often)
    await principal(directory, id)
    assert.ok(directory.size <= 101, `${directory.size} cells`)
  }
  assert.ok(!(directory.principalOf(often) instanceof Promise))
})

test('a temporary budget ends by itself', async () => {
  const id = newKey()
  const expiry = new Date(Date.now() + 5_000).toISOString()
  await commit(['key', id, { max_budget: 1, metadata: { temp_budget_increase: 2, temp_budget_expiry: expiry } }])
  const { directory, pass } = bench()
  assert.equal((await principal(directory, id)).key?.limits.maxBudget, 3e9)
  pass(7_000)
  assert.equal((await principal(directory, id)).key?.limits.maxBudget, 1e9)
})

test('members have their own limits, then those of the team for its members, then those of its member budget', async () => {
  const [own, shared] = [newKey(), newKey()]
  await commit(
    ['team', 't4', { metadata: { team_member_budget_id: 'b4' }, team_member_rpm_limit: 9 }],
    ['budget', 'b4', { max_budget: 3, budget_duration: '1d', rpm_limit: 1 }],
    ['team-member', memberId('t4', 'ü/1'), { max_budget_in_team: 2, tpm_limit: 5 }],
    ['key', own, { team_id: 't4', user_id: 'ü/1' }],
    ['key', shared, { team_id: 't4', user_id: 'other' }],
  )
  const { directory } = bench()
  const one = (await principal(directory, own)).member?.limits
  assert.deepEqual([one?.maxBudget, one?.tokensPerMinute, one?.requestsPerMinute], [2e9, 5, 9])
  const other = (await principal(directory, shared)).member
  assert.deepEqual([other?.teamId, other?.userId], ['t4', 'other'])
  assert.deepEqual(
    [other?.limits.maxBudget, other?.limits.budgetDuration, other?.limits.requestsPerMinute],
    [3e9, '1d', 9],
  )
})

test('end users are looked up only where there are any', async () => {
  const { directory, reads } = bench()
  assert.equal(await directory.find('customer', 'first'), undefined)
  await new Promise((resolve) => setTimeout(resolve, 50))
  reads.length = 0
  for (let index = 0; index < 1_000; index += 1) assert.equal(directory.find('customer', `new-${index}`), undefined)
  assert.equal(reads.length, 0)
  await commit(['customer', 'new-7', { blocked: true }])
  directory.invalidate([{ kind: 'customer', id: 'new-7' }])
  assert.equal((await directory.find('customer', 'new-7'))?.blocked, true)
  assert.ok(directory.find('customer', 'new-8') instanceof Promise)
  await commit(['customer', 'new-7', undefined])
})

test('names that no database can hold are nobody', async () => {
  const { directory } = bench()
  const odd = ['', '\u0000', '\ud800', '👩‍🚀'.repeat(100)]
  assert.deepEqual(await Promise.all(odd.map((id) => directory.find('customer', id))), [
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})
