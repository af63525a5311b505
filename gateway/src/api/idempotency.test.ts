import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type Gateway, masterKey, startGateway } from '../../test/gateway.ts'
import { onEveryStore, placeOfEachTest } from '../../test/opened-store.ts'

onEveryStore('an Idempotency-Key', (kind) => {
  const place = placeOfEachTest(kind)

  /** Two replicas over one store. */
  async function pair(context: TestContext): Promise<readonly [Gateway, Gateway]> {
    const { dataDirectory, databaseUrl } = place
    const options = { dataDirectory, ...(databaseUrl === undefined ? {} : { databaseUrl }) }
    return [await startGateway(context, options), await startGateway(context, options)]
  }

  function generate(gateway: Gateway, key: string, body: object = {}, caller = masterKey): Promise<Answer> {
    return gateway.post('/key/generate', body, caller, { 'idempotency-key': key })
  }

  async function keys(gateway: Gateway): Promise<number> {
    return (await gateway.get('/key/list')).body.total_count
  }

  async function changes(gateway: Gateway, via: string): Promise<number> {
    const { entries } = (await gateway.get('/config/journal')).body
    return entries.filter(({ actor }: { actor: { via: string } }) => actor.via === via).length
  }

  test('makes one change of twenty equal requests at once to two replicas, and all get its answer', async (context) => {
    const [one, other] = await pair(context)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => generate(index % 2 === 0 ? one : other, 'at-once', { spend: 1 })),
    )
    for (const answer of answers) assert.equal(answer.status, 200, answer.text)
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1)
    assert.equal(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null).length, 1)
    assert.equal(await keys(one), 1)
    assert.equal(await changes(one, 'POST /key/generate'), 1)
  })

  test('is of its caller, its route and its body', async (context) => {
    const [one, other] = await pair(context)
    assert.equal((await generate(one, 'k', { key_alias: 'a' })).status, 200)
    refused(await generate(other, 'k', { key_alias: 'b' }), 422, /used for another request/)
    refused(await other.post('/team/new', {}, masterKey, { 'idempotency-key': 'k' }), 422, /used for another request/)
    const user = (await one.post('/user/new', { user_id: 'u' })).body.key
    assert.equal((await generate(other, 'k', {}, user)).status, 200)
    refused(await generate(one, 'k'.repeat(256)), 400, /1 to 255 characters/)
    const list = await one.call('GET', '/key/list', undefined, masterKey, { 'idempotency-key': 'k' })
    assert.equal(list.headers.get('idempotency-replayed'), null)
  })

  test('is free again when the request was refused, for the same request and for a better one', async (context) => {
    const [one, other] = await pair(context)
    await generate(one, 'x', { key_alias: 'taken' })
    for (const gateway of [one, other]) {
      refused(await generate(gateway, 'k', { key_alias: 'taken' }), 400, /already exists/)
    }
    assert.equal((await generate(other, 'k', { key_alias: 'free' })).status, 200)
    assert.equal((await generate(one, 'k', { key_alias: 'free' })).headers.get('idempotency-replayed'), 'true')
  })

  test('of a dry run answers the same again and is not the key of the change', async (context) => {
    const [one, other] = await pair(context)
    const headers = { 'idempotency-key': 'k' }
    const dry = (gateway: Gateway) => gateway.post('/key/generate?dry_run=true', {}, masterKey, headers)
    const first = await dry(one)
    assert.equal(first.body.dry_run, true)
    assert.equal((await dry(other)).text, first.text)
    refused(await generate(one, 'k'), 422, /used for another request/)
    assert.equal(await keys(one), 0)
  })

  test('gets the answer of a change after whose commit the database went away', async (context) => {
    if (kind.server === undefined) return context.skip('the file is always there')
    const [one, other] = await pair(context)
    await one.app.store.report({ ...silent, leaseMs: 600_000 })
    const { revision } = await one.app.store.head()
    const first = one.post('/key/generate?wait=all&timeout=2s', {}, masterKey, { 'idempotency-key': 'k' })
    while ((await other.app.store.head()).revision === revision) await sleep(10)
    await kind.server.kill()
    refused(await first, 503, /database/)
    await kind.server.start()
    while (!other.app.store.health.up) await sleep(10)
    const again = await other.post('/key/generate?wait=all&timeout=2s', {}, masterKey, { 'idempotency-key': 'k' })
    assert.equal(again.status, 200, again.text)
    assert.equal(again.headers.get('idempotency-replayed'), 'true')
    assert.equal((await other.chat('alpha', again.body.key)).status, 200)
    assert.equal(await keys(other), 1)
  })

  test('whose request is under way for long is answered 409, and then its answer', async (context) => {
    const [one, other] = await pair(context)
    await one.app.store.report({ ...silent, leaseMs: 600_000 })
    const headers = { 'idempotency-key': 'k' }
    const waiting = (gateway: Gateway) => gateway.post('/key/generate?wait=all&timeout=8s', {}, masterKey, headers)
    const first = waiting(one)
    await sleep(500)
    const second = await waiting(other)
    refused(second, 409, /under way/)
    assert.equal(second.headers.get('retry-after'), '1')
    assert.equal((await first).status, 200)
    assert.equal((await waiting(other)).text, (await first).text)
    assert.equal(await keys(one), 1)
  })
})

/** A replica that is alive and confirms nothing. */
const silent = {
  id: 'silent',
  label: 'silent',
  version: '0',
  startedAt: 0,
  revision: 0,
  generation: 0,
  hash: undefined,
  state: 'synced',
  refusedRevision: undefined,
  refusal: undefined,
  draining: false,
}

function refused(answer: Answer, status: number, message: RegExp): void {
  assert.equal(answer.status, status, answer.text)
  assert.match(answer.body.error.message, message)
}
