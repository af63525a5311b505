import { Agent, request } from 'node:http'

/** A client for single calls whose time matters: one kept-alive connection, no undici, nothing parsed. */
export class TimedClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #origin: URL

  constructor(origin: string) {
    this.#origin = new URL(origin)
  }

  /** @returns what it took, ms, and what came */
  send(
    method: string,
    path: string,
    key: string,
    body?: string,
  ): Promise<{ readonly ms: number; readonly status: number; readonly text: string }> {
    const startedAt = performance.now()
    return new Promise((resolve, reject) => {
      const options = {
        agent: this.#agent,
        host: this.#origin.hostname,
        port: this.#origin.port,
        method,
        path,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
      }
      const sent = request(options, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve({ ms: performance.now() - startedAt, status: response.statusCode ?? 0, text }))
        response.on('error', reject)
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** Asks for something trivial again and again: what it waits is what the event loop of the process was held. */
export class Pulse {
  readonly #client: TimedClient
  readonly #waits: number[] = []
  #running = true
  readonly #done: Promise<void>

  constructor(origin: string) {
    this.#client = new TimedClient(origin)
    this.#done = this.#beat()
  }

  async #beat(): Promise<void> {
    while (this.#running) {
      const { ms } = await this.#client.send('GET', '/health/liveliness', '')
      this.#waits.push(ms)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  /** @returns all waits, ms */
  async stop(): Promise<readonly number[]> {
    this.#running = false
    await this.#done
    this.#client.close()
    return this.#waits
  }
}
