import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
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
})
