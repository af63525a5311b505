import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeScratch } from './scratch.ts'
import { waitFor } from './wait.ts'

export const midflightPath = fileURLToPath(new URL('../gateway/bin/midflight.js', import.meta.url))
export const masterKey = 'sk-e2e-master-key'

const running = new Set<GatewayProcess>()
// A failed test may not come to stop what it started, and a process left over would keep the test runner waiting.
after(() => {
  for (const gateway of running) gateway.signal('SIGKILL')
})

/** Those of this file that still run. */
export async function stopGateways(): Promise<void> {
  await Promise.all(Array.from(running, (gateway) => gateway.stop()))
}

export interface GatewayOptions {
  readonly config?: string
  /** Added to a bare environment: nothing of the tester's own (provider keys, proxies) reaches the gateway. */
  readonly environment?: Readonly<Record<string, string>>
  /** Further flags, e.g. `['--env-file', path]`. */
  readonly flags?: readonly string[]
  /** A free one unless given. */
  readonly port?: number
  /** Kept by the caller over restarts; otherwise one is made and removed with the process. */
  readonly dataDir?: string
  /** `false`: do not wait for readiness. */
  readonly waitReady?: boolean
  /** `undefined`: the gateway is to make a key of its own. Default `masterKey`. */
  readonly key?: string | undefined
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A gateway in a process of its own. */
export interface GatewayProcess {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  /** All that was written so far. */
  stdout(): string
  stderr(): string
  readonly exited: Promise<Exit>
  signal(signal: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL when it has not gone after `withinMs`. */
  stop(withinMs?: number): Promise<Exit>
  /** Calls with the master key. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** The JSON of a call with the master key. */
  json<T>(path: string, init?: RequestInit): Promise<T>
  rssBytes(): Promise<number>
  openFiles(): Promise<number>
  /** Samples of `/metrics` by `name{labels}`. */
  metrics(): Promise<ReadonlyMap<string, number>>
}

export async function startGateway(options: GatewayOptions = {}): Promise<GatewayProcess> {
  const port = options.port ?? (await freePort())
  const scratch = options.dataDir === undefined ? await makeScratch() : undefined
  const dataDir = options.dataDir ?? scratch?.path ?? ''
  const key = 'key' in options ? options.key : masterKey
  const child = spawn(
    process.execPath,
    [
      midflightPath,
      ...(options.config === undefined ? [] : ['--config', options.config]),
      ...['--host', '127.0.0.1', '--port', String(port), '--data-dir', dataDir],
      ...(options.flags ?? []),
    ],
    {
      cwd: dataDir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: dataDir,
        MIDFLIGHT_DRAIN_NOTICE_SECONDS: '0',
        ...(key === undefined ? {} : { LITELLM_MASTER_KEY: key }),
        ...options.environment,
      },
    },
  )
  const gateway = handleOf(child, port, dataDir, key ?? '')
  running.add(gateway)
  void gateway.exited.then(() => {
    running.delete(gateway)
    return scratch?.remove()
  })
  if (options.waitReady !== false) await ready(gateway)
  return gateway
}

async function ready(gateway: GatewayProcess): Promise<void> {
  let gone: Exit | undefined
  void gateway.exited.then((exit) => {
    gone = exit
  })
  try {
    await waitFor(
      'readiness',
      async () => gone !== undefined || (await fetch(`${gateway.url}/health/readiness`)).status === 200,
      { withinMs: 15_000 },
    )
    if (gone !== undefined) throw new Error(`the gateway exited at start with ${JSON.stringify(gone)}`)
  } catch (error) {
    gateway.signal('SIGKILL')
    throw new Error(`the gateway did not get ready:\n${gateway.stdout()}\n${gateway.stderr()}`, { cause: error })
  }
}

function handleOf(child: ChildProcess, port: number, dataDir: string, key: string): GatewayProcess {
  const url = `http://127.0.0.1:${port}`
  const read = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    read.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    read.stderr = (read.stderr + text).slice(-2_000_000) // a soak logs for minutes; the end is what explains a failure
  })
  const exited = once(child, 'exit').then(
    ([code, signal]): Exit => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }), // as documented for 'exit'
  )
  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...init.headers },
    })
  return {
    url,
    port,
    pid: child.pid ?? -1,
    dataDir,
    stdout: () => read.stdout,
    stderr: () => read.stderr,
    exited,
    signal: (signal) => void child.kill(signal),
    async stop(withinMs = 10_000) {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
      const exit = await exited
      clearTimeout(timer)
      return exit
    },
    fetch: call,
    json: async <T>(path: string, init?: RequestInit) => (await (await call(path, init)).json()) as T, // the caller states the documented shape
    rssBytes: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
    },
    openFiles: async () => (await readdir(`/proc/${child.pid}/fd`)).length,
    metrics: async () => parseMetrics(await (await call('/metrics')).text()),
  }
}

/** Prometheus text exposition: one sample a line, comments skipped. */
function parseMetrics(text: string): ReadonlyMap<string, number> {
  const samples = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line): [string, number] => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    })
  return new Map(samples)
}

/** A port that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address with a port')
  return address.port
}
