import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { freePort } from './processes.ts'
import { makeScratch } from './scratch.ts'
import { waitFor } from './wait.ts'

/** Why HAProxy cannot be used here; `undefined` when it can. */
export function haproxyMissing(): string | undefined {
  const found = spawnSync('haproxy', ['-v'], { stdio: 'ignore' }).status === 0
  return found ? undefined : 'the haproxy binary is not installed (Debian: apt-get install haproxy)'
}

export interface Haproxy {
  readonly url: string
  stop(): Promise<void>
}

/**
 * HAProxy before replicas, checking `/health/readiness` every 200 ms; a replica is out after one failed check and in after one
 * good one; a check may take 2 s, so that a busy machine is not taken for a dead replica. `retries 0`: HAProxy hides nothing that a replica does wrong.
 * @param at its own port; a free one unless given
 */
export async function startHaproxy(ports: readonly number[], at?: number): Promise<Haproxy> {
  const port = at ?? (await freePort())
  const scratch = await makeScratch()
  const file = scratch.file('haproxy.cfg')
  await writeFile(file, configuration(port, ports))
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const exited = once(child, 'exit')
  try {
    await waitFor('HAProxy’s port', () => accepts(port))
  } catch (error) {
    child.kill('SIGKILL')
    throw new Error(`HAProxy did not start: ${errors}`, { cause: error })
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGKILL')
      await exited
      await scratch.remove()
    },
  }
}

function configuration(port: number, replicas: readonly number[]): string {
  const servers = replicas.map((replica, index) => `  server g${index + 1} 127.0.0.1:${replica} check`)
  return `global
  maxconn 2000
defaults
  mode http
  retries 0
  option http-keep-alive
  timeout connect 2s
  timeout client 120s
  timeout server 120s
  timeout http-keep-alive 60s
  timeout check 2s
frontend gateway
  bind 127.0.0.1:${port}
  default_backend replicas
backend replicas
  balance roundrobin
  option httpchk GET /health/readiness
  default-server inter 200ms fall 1 rise 1
${servers.join('\n')}
`
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
