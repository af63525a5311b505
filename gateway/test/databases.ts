import { spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'

/** A real database server of this test alone, on 127.0.0.1. It goes with the test's process, however that ends. */
export interface DatabaseServer {
  /** PostgreSQL: of a database named `midflight`, which is empty at first. */
  readonly url: string
  readonly port: number
  /** Ends it as a power cut would; what was committed is there after the next `start`. */
  kill(): Promise<void>
  /** On the same port, with the same data. */
  start(): Promise<void>
  /** SIGSTOP to all of its processes: it accepts connections and answers nothing. */
  pause(): void
  resume(): void
  /** Ends it and removes what it kept. */
  stop(): Promise<void>
}

export interface PostgresServer extends DatabaseServer {
  /** Creates another database. @returns its URL */
  createDatabase(name: string): Promise<string>
}

const startMs = 20_000

/** Why nothing can be tested on PostgreSQL here; `false`: it can. */
export function noPostgres(): string | false {
  const installed = programNamed('initdb') !== undefined && programNamed('postgres') !== undefined
  return !installed && 'PostgreSQL is not installed'
}

/**
 * Starts PostgreSQL without fsync.
 * @returns `undefined` when it is not installed: `skip: server === undefined && 'PostgreSQL is not installed'`
 */
export async function startPostgres(): Promise<PostgresServer | undefined> {
  const initdb = programNamed('initdb')
  const postgres = programNamed('postgres')
  if (initdb === undefined || postgres === undefined) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'midflight-postgres-'))
  // PostgreSQL refuses to run as root.
  const identity = process.getuid?.() === 0 ? identityOf('postgres') : undefined
  if (identity !== undefined) chownSync(directory, identity.uid, identity.gid)
  const data = join(directory, 'data')
  const initialized = spawnSync(
    initdb,
    ['-D', data, '-U', 'midflight', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'],
    { encoding: 'utf8', cwd: directory, ...identity },
  )
  if (initialized.status !== 0) throw new Error(`initdb failed: ${initialized.stderr}`)
  const port = await freePort()
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'fsync=off',
    'full_page_writes=off',
    'shared_buffers=32MB',
    'max_connections=100',
    'dynamic_shared_memory_type=mmap',
  ]
  const url = (name: string) => `postgresql://midflight@127.0.0.1:${port}/${name}`
  const run = async (text: string, database: string) => {
    const client = new Client({ connectionString: url(database), connectionTimeoutMillis: 2_000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query(text)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  const server = await startServer({
    directory,
    port,
    program: postgres,
    flags: ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    identity,
    answers: () => run('SELECT 1', 'postgres'),
  })
  await run('CREATE DATABASE midflight', 'postgres')
  return {
    ...server,
    url: url('midflight'),
    async createDatabase(name) {
      await run(`CREATE DATABASE "${name}"`, 'postgres')
      return url(name)
    },
  }
}

/**
 * Starts Redis without persistence, but for an append-only file so that a restart finds what was there.
 * @returns `undefined` when it is not installed: `skip: server === undefined && 'Redis is not installed'`
 */
export async function startRedis(): Promise<DatabaseServer | undefined> {
  const program = programNamed('redis-server') ?? programNamed('valkey-server')
  if (program === undefined) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'midflight-redis-'))
  const port = await freePort()
  const server = await startServer({
    directory,
    port,
    program,
    flags: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--appendonly', 'yes'],
      // While a sync is under way Redis answers before it writes, and `kill` would lose what was answered.
      ...['--appendfsync', 'no'],
    ],
    identity: undefined,
    answers: () => redisAnswers(port),
  })
  return { ...server, url: `redis://127.0.0.1:${port}` }
}

interface Started {
  readonly directory: string
  readonly port: number
  readonly program: string
  readonly flags: readonly string[]
  readonly identity: Identity | undefined
  /** Resolves when the server answers a question. */
  answers(): Promise<void>
}

interface Identity {
  readonly uid: number
  readonly gid: number
}

/** Waits for the end of its input, which comes with the end of this process at the latest; then ends the server $1. */
const guardScript = `
read -r word
for signal in CONT QUIT; do kill -$signal $1; for child in $(ps -o pid= --ppid $1); do kill -$signal $child; done; done
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $1 || break; sleep 0.1; done
kill -KILL $1
[ "$word" = keep ] || rm -rf "$2"
`

async function startServer(options: Started): Promise<Omit<DatabaseServer, 'url'>> {
  const { directory, port, program, flags, identity } = options
  let running: { readonly pid: number; readonly exited: Promise<void>; wait(): void; end(): void } | undefined

  async function start(): Promise<void> {
    const child = spawn(program, flags, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'], ...identity })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_000)
    })
    let exited = false
    const exit = new Promise<void>((resolve) => {
      child.once('exit', () => {
        exited = true
        resolve()
      })
      child.once('error', (error) => {
        said = String(error)
        exited = true
        resolve()
      })
    })
    const { pid } = child
    if (pid === undefined) throw new Error(`${program} cannot be started: ${said}`)
    const guard = spawn('sh', ['-c', guardScript, 'guard', String(pid), directory], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    guard.stdin.on('error', () => undefined)
    child.unref()
    guard.unref()
    running = { pid, exited: exit, wait: () => child.ref(), end: () => guard.stdin.end('keep\n') }
    const until = Date.now() + startMs
    for (;;) {
      try {
        await options.answers()
        return
      } catch (cause) {
        if (exited || Date.now() > until) throw new Error(`${program} does not come up: ${said}`, { cause })
        await sleep(30)
      }
    }
  }

  function signal(name: NodeJS.Signals): void {
    if (running === undefined) return
    const { pid } = running
    // The parent first, so that it starts no child in between.
    for (const each of [pid, ...childrenOf(pid)]) send(each, name)
  }

  async function kill(): Promise<void> {
    if (running === undefined) return
    running.wait()
    signal('SIGCONT')
    send(running.pid, 'SIGQUIT')
    const ended = await Promise.race([running.exited.then(() => true), sleep(3_000, false, { ref: false })])
    if (!ended) signal('SIGKILL')
    await running.exited
    running.end()
    running = undefined
  }

  await start()
  return {
    port,
    start,
    kill,
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async stop() {
      await kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended meanwhile.
  }
}

function childrenOf(pid: number): readonly number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
  return stdout
    .split('\n')
    .map(Number)
    .filter((child) => child > 0)
}

/** On the PATH, or where Debian keeps PostgreSQL's; the newest of them. */
function programNamed(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const onPath = folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
  return onPath ?? globSync(`/usr/lib/postgresql/*/bin/${name}`).sort().at(-1)
}

function identityOf(user: string): Identity | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout))
  return uid !== undefined && uid > 0 && gid !== undefined ? { uid, gid } : undefined
}

/**
 * Free a moment ago, and below the ports that the system gives to whoever asks for any: nobody gets it while the server is down
 * between `kill` and `start`.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function redisAnswers(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1', timeout: 2_000 }, () => socket.write('PING\r\n'))
    const settle = (error?: Error) => {
      socket.destroy()
      if (error === undefined) resolve()
      else reject(error)
    }
    socket.once('data', (bytes) => settle(bytes.toString().startsWith('+PONG') ? undefined : new Error('not up yet')))
    socket.once('timeout', () => settle(new Error('no answer')))
    socket.once('error', settle)
  })
}
