/**
 * Whether a million keys and ten thousand models make calls or changes slow (issue #3): `node bench/scale.ts --store sqlite|postgres`.
 * Two gateways, each a process of its own, on one store that was filled by SQL; provider and load share the second CPU.
 *
 * - who calls: CPU per call with the master key, with one virtual key, and with a thousand in turn; all are known by then
 * - a key never seen: its first call, less what its second takes
 * - a model is added by API: until its first call is answered, here and on the other replica; and what the event loop was held meanwhile
 * - start with all that stored, and what the process occupies after all this
 *
 * Options: --keys N (1,000,000), --models N (10,000), --rounds N (3), --seconds N (4), --added N (100), --cold N (300),
 * --profile DIRECTORY (a CPU profile of each gateway).
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { systemClock } from '../gateway/src/lib/clock.ts'
import { Secret } from '../gateway/src/lib/secret.ts'
import { openStore } from '../gateway/src/stores/open.ts'
import { startPostgres } from '../gateway/test/databases.ts'
import { chatBody, chatPath } from './candidates/candidate.ts'
import { startNginxUpstream } from './nginx.ts'
import { residentMegabytes, threadSeconds } from './process-figures.ts'
import { Pulse, TimedClient } from './scale-client.ts'
import { fillStore, keyNumber, modelNumber } from './scale-store.ts'
import { freePort, lastWords, loadCpu, proxyCpu, type Running, Workbench } from './workbench.ts'
import { load } from './wrk.ts'

const program = fileURLToPath(new URL('../gateway/bin/midflight.js', import.meta.url))
const masterKey = 'sk-bench-master-key'
const saltKey = 'sk-bench-salt'
const calledModel = 'bench-unary'
const warmKeys = 1_000

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    keys: { type: 'string', default: '1000000' },
    models: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    added: { type: 'string', default: '100' },
    cold: { type: 'string', default: '300' },
    profile: { type: 'string' },
  },
})
const size = { keys: Number(values.keys), models: Number(values.models) }

interface Gateway {
  readonly origin: string
  readonly running: Running
  readonly readyMs: number
}

const bench = new Workbench()
const postgres = values.store === 'postgres' ? await startPostgres() : undefined
try {
  const upstream = await startNginxUpstream(bench)
  const apiBase = `http://127.0.0.1:${upstream.port}/v1`
  const databaseUrl = postgres?.url ?? `file:${join(bench.directory, 'store', 'midflight.db')}`
  await timed(`${values.store} filled with ${size.keys} keys and ${size.models} models`, () =>
    fill(databaseUrl, apiBase),
  )
  const config = join(bench.directory, 'config.yaml')
  writeFileSync(config, configWith(apiBase))
  const here = await startGateway('here', proxyCpu, config, databaseUrl)
  const there = await startGateway('there', loadCpu, config, databaseUrl)
  say(here.readyMs, 'ms  from the start of the process to ready')
  say(residentMegabytes(here.running.pid), 'MB  resident at start')
  await whoCalls(here)
  await coldKeys(here)
  await addedModels(here, there, apiBase)
  say(residentMegabytes(here.running.pid), 'MB  resident at the end')
  if (values.profile !== undefined) await leave([here, there])
} finally {
  bench.close()
  await postgres?.stop()
}

async function fill(databaseUrl: string, apiBase: string): Promise<void> {
  const { store, database, seal } = openStore({
    databaseUrl,
    dataDirectory: bench.directory,
    saltKey: new Secret(saltKey),
    clock: systemClock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  await store.start()
  await fillStore(database, seal, { ...size, apiBase })
  await store.stop()
}

function configWith(apiBase: string): string {
  return `model_list:
  - model_name: ${calledModel}
    litellm_params: { model: openai/bench-model, api_base: ${apiBase}, api_key: sk-upstream }
general_settings: { store_model_in_db: true }
`
}

async function startGateway(name: string, cpu: number, config: string, databaseUrl: string): Promise<Gateway> {
  const port = await freePort()
  const data = join(bench.directory, `${name}-data`)
  mkdirSync(data)
  const profile = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', join(values.profile, name)]
  const startedAt = performance.now()
  const running = bench.start({
    name,
    cpu,
    command: process.execPath,
    args: [
      ...profile,
      program,
      ...['--config', config, '--host', '127.0.0.1', '--port', String(port), '--data-dir', data],
    ],
    env: { LITELLM_MASTER_KEY: masterKey, LITELLM_SALT_KEY: saltKey, DATABASE_URL: databaseUrl },
  })
  const origin = `http://127.0.0.1:${port}`
  const body = chatBody(modelNumber(size.models - 1), 'unary')
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${masterKey}` }
  // Ready is who answers a call with the last of the stored models.
  for (;;) {
    if (running.child.exitCode !== null) throw new Error(`${name} ended:\n${lastWords(running)}`)
    const status = await fetch(`${origin}${chatPath}`, { method: 'POST', headers, body }).then(
      async (answer) => {
        await answer.arrayBuffer()
        return answer.status
      },
      () => 0,
    )
    if (status === 200) return { origin, running, readyMs: performance.now() - startedAt }
    if (performance.now() - startedAt > 60_000)
      throw new Error(`${name} is not ready (${status}):\n${lastWords(running)}`)
    await sleep(10)
  }
}

/** All variants in each round, so that a slow minute hits them alike. */
async function whoCalls({ origin, running }: Gateway): Promise<void> {
  const callers: Record<string, readonly string[]> = {
    'the master key': [masterKey],
    'one key': [keyNumber(0)],
    [`${warmKeys} keys in turn`]: Array.from({ length: warmKeys }, (_, n) => keyNumber(n)),
  }
  const figures = new Map<string, { main: number; other: number }[]>()
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    for (const [name, keys] of Object.entries(callers)) {
      const before = threadSeconds(running.pid)
      const target = {
        url: `${origin}${chatPath}`,
        headers: { 'content-type': 'application/json' },
        body: chatBody(calledModel, 'unary'),
        bearers: keys,
      }
      const result = await load(bench, target, 32, Number(values.seconds))
      if (result.errors > 0) throw new Error(`${result.errors} errors with ${name}:\n${lastWords(running)}`)
      // The ledger's rows of this run are brought to the store before the next begins.
      await sleep(1_500)
      const after = threadSeconds(running.pid)
      const perCall = (thread: 'main' | 'other') => ((after[thread] - before[thread]) / result.requests) * 1e6
      // The first round warms up.
      if (round > 0)
        figures.set(name, [...(figures.get(name) ?? []), { main: perCall('main'), other: perCall('other') }])
    }
  }
  for (const [name, runs] of figures) {
    say(median(runs.map(({ main }) => main)), `µs  a call's CPU in the main thread, ${name}`)
    say(median(runs.map(({ other }) => other)), `µs  in the other threads, ${name}`)
  }
}

async function coldKeys({ origin }: Gateway): Promise<void> {
  const client = new TimedClient(origin)
  const body = chatBody(calledModel, 'unary')
  const differences: number[] = []
  const warm: number[] = []
  for (let n = 0; n < Number(values.cold); n += 1) {
    // Spread over the whole table, and none of the warm ones.
    const key = keyNumber(warmKeys + Math.floor(((size.keys - warmKeys) / Number(values.cold)) * n))
    const first = await client.send('POST', chatPath, key, body)
    const second = await client.send('POST', chatPath, key, body)
    if (first.status !== 200) throw new Error(`a cold key was answered with ${first.status}: ${first.text}`)
    differences.push(first.ms - second.ms)
    warm.push(second.ms)
    await sleep(5)
  }
  client.close()
  say(median(warm), 'ms  a call with a known key, p50')
  say(median(differences), 'ms  more for a key never seen, p50')
  say(quantile(differences, 0.99), 'ms  more for a key never seen, p99')
}

async function addedModels(here: Gateway, there: Gateway, apiBase: string): Promise<void> {
  const clients = { here: new TimedClient(here.origin), there: new TimedClient(there.origin) }
  const pulses = { here: new Pulse(here.origin), there: new Pulse(there.origin) }
  const times = { added: [] as number[], here: [] as number[], there: [] as number[] }
  for (let n = 0; n < Number(values.added); n += 1) {
    const name = `added-${n}`
    const startedAt = performance.now()
    const model = {
      model_name: name,
      litellm_params: { model: 'openai/bench-model', api_base: apiBase, api_key: 'sk-x' },
    }
    const added = await clients.here.send('POST', '/model/new', masterKey, JSON.stringify(model))
    times.added.push(performance.now() - startedAt)
    // On the other one first in every second turn: whoever is asked first has less time to learn of it.
    for (const place of n % 2 === 0 ? (['here', 'there'] as const) : (['there', 'here'] as const)) {
      const answer = await clients[place].send('POST', chatPath, masterKey, chatBody(name, 'unary'))
      if (added.status !== 200 || answer.status !== 200) throw new Error(`${place}: ${added.text} ${answer.text}`)
      if ((place === 'here') === (n % 2 === 0)) times[place].push(performance.now() - startedAt)
    }
    await sleep(250)
  }
  const waits = { here: await pulses.here.stop(), there: await pulses.there.stop() }
  for (const client of Object.values(clients)) client.close()
  for (const [what, list] of [
    ['POST /model/new answered', times.added],
    ['until its first call was answered, on the same replica', times.here],
    ['until its first call was answered, on the other replica', times.there],
    ['a health check waited meanwhile, same replica', waits.here],
    ['a health check waited meanwhile, other replica', waits.there],
  ] as const) {
    say(median(list), `ms  ${what}, p50`)
    say(quantile(list, 0.99), `ms  ${what}, p99`)
  }
}

/** Profiles are written when a process ends by itself. */
async function leave(gateways: readonly Gateway[]): Promise<void> {
  for (const { running } of gateways) running.child.kill('SIGTERM')
  for (const { running } of gateways) while (running.child.exitCode === null) await sleep(100)
}

async function timed(name: string, work: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now()
  await work()
  say((performance.now() - startedAt) / 1_000, `s   ${name}`)
}

function say(figure: number, what: string): void {
  process.stdout.write(`${figure.toFixed(figure < 100 ? 1 : 0).padStart(9)} ${what}\n`)
}

function median(list: readonly number[]): number {
  return quantile(list, 0.5)
}

function quantile(list: readonly number[], share: number): number {
  const sorted = [...list].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
