import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../test/gateway.ts'

test('a change is tried only, or waited for, in any of the words for it; other words are refused and change nothing', async (context) => {
  const { post, get } = await startGateway(context)
  const count = async () => (await get('/key/list')).body.total_count
  for (const word of ['true', 'True', '1', 'yes', 'on']) {
    const { status, body } = await post(`/key/generate?dry_run=${word}`, {})
    assert.deepEqual([status, body.dry_run], [200, true], word)
  }
  for (const query of ['dry_run=ture', 'dry_run=', 'dry_run', 'dry_run=2', 'wait=some', 'wait=', 'wait=true']) {
    const { status, body } = await post(`/key/generate?${query}`, {})
    assert.deepEqual([status, body.error.param], [400, query.split('=')[0]], query)
  }
  assert.equal((await post('/config/reload?force=maybe', {})).status, 400)
  assert.equal((await post('/config/reload?force=1', {})).status, 200)
  assert.equal(await count(), 0)
  for (const query of ['dry_run=false', 'dry_run=0', 'wait=all', 'wait=none']) {
    assert.equal((await post(`/key/generate?${query}`, {})).status, 200, query)
  }
  assert.equal(await count(), 4)
})
