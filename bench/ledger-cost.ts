/**
 * The CPU that the ledger adds to a call (issue #4): `node bench/ledger-cost.ts --rounds 4 --seconds 4`. Two gateways, one with
 * `disable_spend_logs`, are loaded in turn; threads apart, because rows are brought into SQLite by one of their own.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chatBody, chatPath } from './candidates/candidate.ts'
import { startNginxUpstream } from './nginx.ts'
import { threadSeconds } from './process-figures.ts'
import { freePort, proxyCpu, ready, Workbench } from './workbench.ts'
import { load } from './wrk.ts'

const program = fileURLToPath(new URL('../gateway/bin/midflight.js', import.meta.url))
const masterKey = 'sk-bench-master-key'
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '4' }, seconds: { type: 'string', default: '4' } },
})

const bench = new Workbench()
try {
  const upstream = await startNginxUpstream(bench)
  const gateways = [await startGateway('without', upstream.port), await startGateway('with', upstream.port)]
  const differences: { readonly main: number; readonly other: number }[] = []
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const [without, kept] = [await run(gateways[0]), await run(gateways[1])]
    // The first round warms up.
    if (round === 0) continue
    process.stdout.write(`${line('without ledger', without)}\n${line('with ledger', kept)}\n`)
    differences.push({ main: kept.main - without.main, other: kept.other - without.other })
  }
  const median = (thread: 'main' | 'other') =>
    differences.map((each) => each[thread]).sort((one, other) => one - other)[Math.floor(differences.length / 2)] ?? 0
  process.stdout.write(
    `${line('the ledger, median of differences', { main: median('main'), other: median('other') })}\n`,
  )
} finally {
  bench.close()
}

async function startGateway(name: string, upstreamPort: number) {
  const port = await freePort()
  const config = join(bench.directory, `${name}.yaml`)
  writeFileSync(
    config,
    `model_list:
  - { model_name: bench-unary, litellm_params: { model: openai/bench-model, api_base: 'http://127.0.0.1:${upstreamPort}/v1', api_key: sk-x } }
general_settings: { disable_spend_logs: ${name === 'without'} }
`,
  )
  const running = bench.start({
    name,
    cpu: proxyCpu,
    command: process.execPath,
    args: [
      program,
      ...['--config', config, '--host', '127.0.0.1', '--port', String(port)],
      ...['--data-dir', join(bench.directory, `${name}-data`)],
    ],
    env: { LITELLM_MASTER_KEY: masterKey },
  })
  const origin = `http://127.0.0.1:${port}`
  await ready(running, async () => (await fetch(`${origin}/health/readiness`)).ok || undefined)
  return { origin, pid: running.pid }
}

/** @returns CPU µs of one call; the rows of all calls are in the store by then */
async function run(gateway: Awaited<ReturnType<typeof startGateway>> | undefined) {
  if (gateway === undefined) throw new Error('no gateway')
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${masterKey}` }
  const target = { url: `${gateway.origin}${chatPath}`, headers, body: chatBody('bench-unary', 'unary') }
  const before = threadSeconds(gateway.pid)
  const { requests, errors } = await load(bench, target, 32, Number(values.seconds))
  await sleep(2_000)
  const after = threadSeconds(gateway.pid)
  if (errors > 0 || requests === 0) throw new Error(`${errors} errors in ${requests} calls`)
  const perCall = (thread: 'main' | 'other') => ((after[thread] - before[thread]) / requests) * 1e6
  return { main: perCall('main'), other: perCall('other') }
}

function line(what: string, { main, other }: { readonly main: number; readonly other: number }): string {
  return `${main.toFixed(1).padStart(8)} µs main thread ${other.toFixed(1).padStart(8)} µs other threads  ${what}`
}
