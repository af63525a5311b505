import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { keyId, writeRecords } from '../../test/callers.ts'
import { actor, startStore } from '../../test/opened-store.ts'
import { headWithKey } from '../../test/request-head.ts'
import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import { Directory } from '../directory/directory.ts'
import { systemClock } from '../lib/clock.ts'
import type { JsonObject } from '../lib/json.ts'
import { Secret } from '../lib/secret.ts'
import { Authenticator } from './authenticate.ts'
import type { Route } from './route.ts'

/** What a replica may believe of its memory, and when it has to ask: over a real store, the lease in the test's hands. */

const route: Route = { method: 'POST', path: '/v1/chat/completions', access: 'caller', handle() {} }

async function bench(context: TestContext) {
  const store = await startStore(context)
  const state = { lease: true, reachable: true, answers: true, confirms: 0, seen: 0 }
  const directory = new Directory({
    store,
    clock: systemClock,
    reachable: () => state.reachable,
    report: () => undefined,
  })
  const authenticator = new Authenticator({
    bootKey: new Secret('sk-boot'),
    clock: systemClock,
    directory,
    freshness: {
      leaseValid: () => state.lease,
      reachable: () => state.reachable,
      // What the feed does when it looks.
      async confirm() {
        state.confirms += 1
        if (!state.answers) throw new GatewayError('store_unavailable', 'The store does not answer.')
        const { changed, head } = await store.readChangedRecords(state.seen)
        state.seen = head.revision
        directory.invalidate(changed ?? 'all')
      },
    },
  })
  return {
    state,
    async put(key: string, body: JsonObject | undefined) {
      await store.change({ actor }, (transaction) => writeRecords(transaction, ['key', keyId(key), body]))
    },
    authenticate: (key: string) => authenticator.authenticate(headWithKey(key), route, undefined, {}),
    async codeOf(key: string): Promise<string> {
      try {
        const principal: Principal = await authenticator.authenticate(headWithKey(key), route, undefined, {})
        return principal.key === undefined ? 'administrator' : 'caller'
      } catch (error) {
        return error instanceof GatewayError ? error.code : String(error)
      }
    },
  }
}

test('with a lease a known key is let in at once, without a question', async (context) => {
  const { put, authenticate, codeOf, state } = await bench(context)
  await put('sk-a', {})
  assert.equal(await codeOf('sk-a'), 'caller')
  const confirms = state.confirms
  assert.ok(!(authenticate('sk-a') instanceof Promise))
  assert.equal(state.confirms, confirms)
})

test('without one it is let in only after the store was asked, so that a revocation is never slept through', async (context) => {
  const { put, authenticate, codeOf, state } = await bench(context)
  await put('sk-a', {})
  assert.equal(await codeOf('sk-a'), 'caller')
  await put('sk-a', { blocked: true })
  // A process that was stopped meanwhile: its memory still says that the key is good.
  state.lease = false
  const asked = authenticate('sk-a')
  assert.ok(asked instanceof Promise)
  await assert.rejects(asked, { code: 'key_blocked' })
  await put('sk-a', undefined)
  assert.equal(await codeOf('sk-a'), 'key_unknown')
})

test('without lease and store what is known counts, and what is not known is a 503', async (context) => {
  const { put, authenticate, codeOf, state } = await bench(context)
  await put('sk-a', {})
  await put('sk-blocked', { blocked: true })
  assert.equal(await codeOf('sk-a'), 'caller')
  assert.equal(await codeOf('sk-blocked'), 'key_blocked')
  assert.equal(await codeOf('sk-nobody'), 'key_unknown')
  // The health of the store does not show it yet, then it does.
  for (const reachable of [true, false]) {
    Object.assign(state, { lease: false, answers: false, reachable })
    assert.equal(await codeOf('sk-a'), 'caller')
    assert.equal(await codeOf('sk-blocked'), 'key_blocked')
    // It was nobody's when the store was last heard; nobody knows whether it still is.
    assert.equal(await codeOf('sk-nobody'), 'store_unavailable')
    assert.equal(await codeOf('sk-boot'), 'administrator')
  }
  const confirms = state.confirms
  assert.ok(!(authenticate('sk-a') instanceof Promise), 'nothing is waited for while the store is known to be away')
  assert.equal(state.confirms, confirms)
})

test('before a refusal the store is asked once for all who wait', async (context) => {
  const { put, codeOf, state } = await bench(context)
  await put('sk-a', { blocked: true })
  assert.equal(await codeOf('sk-a'), 'key_blocked')
  await put('sk-a', {})
  state.confirms = 0
  const codes = await Promise.all(Array.from({ length: 500 }, () => codeOf('sk-a')))
  assert.deepEqual(new Set(codes), new Set(['caller']))
  assert.equal(state.confirms, 1)
})

test('a key that expires is refused from that moment, though nobody changed it', async (context) => {
  const { put, codeOf } = await bench(context)
  await put('sk-a', { expires: new Date(Date.now() + 300).toISOString() })
  assert.equal(await codeOf('sk-a'), 'caller')
  await new Promise((resolve) => setTimeout(resolve, 320))
  assert.equal(await codeOf('sk-a'), 'key_expired')
})
