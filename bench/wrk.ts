import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { searchPath } from './requirements.ts'
import { loadCpu, type Workbench } from './workbench.ts'

/** What is asked of a candidate, again and again. */
export interface Target {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Keys to call with, one after the other; absent: what `headers` says. */
  readonly bearers?: readonly string[]
}

export interface Load {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers other than 2xx and 3xx, timeouts, and failed connects, reads and writes. */
  readonly errors: number
}

const run = promisify(execFile)

/** Runs wrk with one thread on the load CPU for whole `seconds`. */
export async function load(bench: Workbench, target: Target, connections: number, seconds: number): Promise<Load> {
  const script = join(bench.directory, 'load.lua')
  writeFileSync(script, luaFor(target))
  const flags = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, target.url]
  const { stdout } = await run(
    'setpriv',
    ['--pdeathsig', 'KILL', 'taskset', '--cpu-list', String(loadCpu), 'wrk', ...flags],
    { env: { ...process.env, PATH: searchPath } },
  )
  const figures = /^bench (\S+) (\S+) (\S+) (\S+) (\S+)$/m.exec(stdout)
  if (figures === null) throw new Error(`wrk gave no figures:\n${stdout}`)
  const [requests, microseconds, p50, p99, errors] = figures.slice(1).map(Number)
  return {
    requests: requests ?? 0,
    seconds: (microseconds ?? 0) / 1e6,
    p50Ms: (p50 ?? 0) / 1e3,
    p99Ms: (p99 ?? 0) / 1e3,
    errors: errors ?? 0,
  }
}

function luaFor(target: Target): string {
  const headers = Object.entries(target.headers).map(([name, value]) => `wrk.headers[${quote(name)}] = ${quote(value)}`)
  return `wrk.method = "POST"
wrk.body = ${quote(target.body)}
${headers.join('\n')}
${target.bearers === undefined ? '' : rotation(target.bearers)}
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("bench %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`
}

/** The requests are made once, so that the load costs no more than without. */
function rotation(bearers: readonly string[]): string {
  return `local requests, n = {}, 0
init = function(args)
  for i, key in ipairs({ ${bearers.map(quote).join(', ')} }) do
    wrk.headers["authorization"] = "Bearer " .. key
    requests[i] = wrk.format()
  end
end
request = function()
  n = n % #requests + 1
  return requests[n]
end`
}

/** JSON strings of printable ASCII are Lua strings too. */
function quote(text: string): string {
  return JSON.stringify(text)
}
