import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { PriceMaps } from '../gateway/src/prices/maps.ts'
import { fromSpec, recordKind, recordName, toSpec } from '../gateway/src/prices/record.ts'
import { createContents } from '../gateway/src/stores/contents.ts'
import { startPostgres } from '../gateway/test/databases.ts'
import { actor } from '../gateway/test/opened-store.ts'
import { playProvider } from '../gateway/test/played/provider.ts'
import { createReplica } from '../gateway/test/replica.ts'
import { send } from './cluster.ts'
import { configText, playedModel } from './config-file.ts'
import { generatedMap, MapPublisher } from './price-maps.ts'
import { freePort, type GatewayProcess, startGateway } from './processes.ts'
import { makeScratch } from './scratch.ts'
import { waitFor } from './wait.ts'

const hours = 6
const saltKey = 'sk-e2e-salt'

it('three replicas reload once each time, by hand and by a schedule that survives restarts and reloads', async (context) => {
  const postgres = await startPostgres()
  if (postgres === undefined) return context.skip('PostgreSQL is not installed')
  const provider = await playProvider()
  const publisher = new MapPublisher()
  const mapUrl = await publisher.start()
  const scratch = await makeScratch()
  const config = scratch.file('config.yaml')
  await writeFile(config, configText({ model_list: [playedModel('m', `${provider.url}/v1`)] }))
  const ports = await Promise.all([1, 2, 3].map(() => freePort()))
  let replicas: readonly GatewayProcess[] = []

  const startAll = async (): Promise<void> => {
    const environment = {
      DATABASE_URL: postgres.url,
      LITELLM_SALT_KEY: saltKey,
      LITELLM_MODEL_COST_MAP_URL: mapUrl,
      MIDFLIGHT_DRAIN_MAX_SECONDS: '2',
    }
    const start = (port: number) => startGateway({ config, port, environment })
    replicas = await Promise.all(ports.map(start))
  }
  const stopAll = async (): Promise<void> => {
    await Promise.all(replicas.map((one) => one.stop()))
    replicas = []
  }
  const replica = (index: number): GatewayProcess => replicas[index % replicas.length] ?? assert.fail('none runs')
  const publish = (version: number): void => {
    const own = { litellm_provider: 'openai', input_cost_per_token: version / 1e6 }
    publisher.text = JSON.stringify({ ...generatedMap(1_000), version: own })
  }
  const sources = () => Promise.all(replicas.map(async (one) => (await send(one, '/model/cost_map/source')).body))
  const hashOf = async (one: GatewayProcess) => String((await send(one, '/model/cost_map/source')).body.hash)
  const schedules = () =>
    Promise.all(replicas.map(async (one) => (await send(one, '/schedule/model_cost_map_reload/status')).body))

  /** All replicas on another map than before, and how many fetches that took once everything is quiet. */
  async function fetchesUntilNew(before: string, since: number): Promise<number> {
    await waitFor(
      'the new map on all replicas',
      async () => {
        const hashes = new Set((await sources()).map(({ hash }) => hash))
        return hashes.size === 1 && !hashes.has(before)
      },
      { withinMs: 40_000, everyMs: 100 },
    )
    await sleep(2_000)
    return publisher.fetches - since
  }

  /** Lets the schedule's last run be longer ago than its interval, as time would. */
  async function letItBeDue(): Promise<void> {
    const writer = createReplica(context, {
      databaseUrl: postgres?.url ?? '',
      saltKey,
      dataDirectory: scratch.path,
      prices: (opened) => new PriceMaps(createContents(opened.database)),
    })
    await writer.start()
    await writer.changes.resources({ actor }, (draft) => {
      const record = fromSpec(draft.stored(recordKind, recordName)?.spec)
      assert.equal(record.intervalHours, hours)
      const lastRunAt = Date.now() - (hours * 60 + 1) * 60_000
      draft.put(recordKind, recordName, toSpec({ ...record, lastRunAt, claimedUntil: undefined }))
      return { result: undefined }
    })
    await writer.stop()
  }

  const told: string[] = []
  try {
    publish(1)
    await startAll()
    await waitFor('the named map', async () => (await sources()).every((source) => source.model_count === 1_001), {
      withinMs: 40_000,
    })
    told.push(`start: ${publisher.fetches}`)
    assert.equal(publisher.fetches, 1)
    const made = await replica(0).fetch(`/schedule/model_cost_map_reload?hours=${hours}&wait=all`, { method: 'POST' })
    assert.equal(made.status, 200)

    let version = 1
    for (const [what, restart] of [
      ['before', false],
      ['after a restart of all', true],
    ] as const) {
      if (restart) {
        await stopAll()
        await startAll()
        assert.deepEqual(
          (await schedules()).map((schedule) => schedule.interval_hours),
          [hours, hours, hours],
        )
      }
      let hash = await hashOf(replica(0))
      let since = publisher.fetches
      version += 1
      publish(version)
      const byHand = await replica(version).fetch('/reload/model_cost_map', { method: 'POST' })
      assert.equal(byHand.status, 200, await byHand.clone().text())
      const manual = await fetchesUntilNew(hash, since)
      for (const schedule of await schedules()) {
        assert.deepEqual(
          [schedule.scheduled, schedule.interval_hours],
          [true, hours],
          'a reload by hand ends no schedule',
        )
      }

      hash = await hashOf(replica(0))
      since = publisher.fetches
      version += 1
      publish(version)
      await letItBeDue()
      const scheduled = await fetchesUntilNew(hash, since)
      told.push(`${what}: ${manual} by hand, ${scheduled} by schedule`)
      assert.deepEqual([manual, scheduled], [1, 1], what)
      for (const schedule of await schedules()) {
        const { last_run: last, next_run: next } = schedule
        assert.equal(Date.parse(String(next)) - Date.parse(String(last)), hours * 3_600_000)
        assert.ok(Date.parse(String(next)) > Date.now())
      }
    }
  } finally {
    context.diagnostic(`fetches of three replicas: ${told.join('; ')}`)
    await stopAll()
    publisher.stop()
    await provider.close()
    await postgres.stop()
    await scratch.remove()
  }
})
