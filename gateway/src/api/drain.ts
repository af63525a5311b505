import { GatewayError } from '../core/errors.ts'
import type { GatewayServer } from './server.ts'

/** How a process leaves without failing a call (reliability 3.2, measured there). All in ms. */
export interface DrainOptions {
  /** From the signal until the socket closes: time for load balancers to see readiness off. */
  readonly noticeMs: number
  /** Until what is still running is ended in-band. */
  readonly maxMs: number
  readonly sleep: (ms: number) => Promise<void>
  readonly log: (event: string, facts: Readonly<Record<string, unknown>>) => void
}

const reportEveryMs = 10_000
const pollMs = 25
const lastCallsMs = 250

/**
 * 1. readiness turns 503, liveness stays 200; 2. requests are still accepted, every answer says `Connection: close`;
 * 3. the socket closes and running calls end; 4. at `maxMs` what is left is ended with an in-band error.
 */
export async function drain(server: GatewayServer, options: DrainOptions): Promise<void> {
  const { log, sleep } = options
  server.announceEnd()
  log('server.drain.started', { calls: server.openCalls, noticeMs: options.noticeMs, maxMs: options.maxMs })
  await sleep(options.noticeMs)
  const closed = server.close()
  let waitedMs = 0
  let quietMs = 0
  // A connection may have been opened, or a request be on its way, while the socket closed: it has a moment to become a call.
  while (quietMs < lastCallsMs && waitedMs < options.maxMs) {
    await sleep(pollMs)
    waitedMs += pollMs
    quietMs = server.openCalls === 0 ? quietMs + pollMs : 0
    if (waitedMs % reportEveryMs === 0) log('server.drain.waiting', { calls: server.openCalls, waitedMs })
  }
  if (server.openCalls > 0) {
    log('server.drain.interrupted', { calls: server.openCalls })
    server.interrupt(new GatewayError('shutting_down', 'The gateway is shutting down; send the request again.'))
    await sleep(pollMs)
  }
  // Connections that never carried a request are neither idle nor busy to the server; nobody would ever close them.
  server.closeConnections()
  await closed
  log('server.drain.finished', {})
}
