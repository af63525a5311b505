/**
 * The least a gateway on node:http and undici can cost: its server in, its dispatch out, the upstream's bytes handed on. It checks no
 * key, reads no JSON, routes nowhere.
 *
 * Arguments: pairs of a port to listen on and the origin behind it.
 */
import { createServer, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

const headers = ['content-type', 'application/json', 'authorization', 'Bearer sk-upstream']
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date'])

class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  /** The pieces of an answer of known length, which goes out in one write with its head; `undefined` for streams. */
  #pieces: Buffer[] | undefined

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onRequestStart(): void {}

  onResponseStart(_: unknown, status: number, upstream: Record<string, string | string[] | undefined>): void {
    const head: string[] = []
    for (const name in upstream) {
      const value = upstream[name]
      if (typeof value === 'string' && !hopByHop.has(name)) head.push(name, value)
    }
    this.#response.writeHead(status, head)
    if (upstream['content-length'] !== undefined) this.#pieces = []
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#pieces !== undefined) {
      this.#pieces.push(chunk)
      return
    }
    if (this.#response.write(chunk)) return
    controller.pause()
    this.#response.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    if (this.#pieces === undefined) this.#response.end()
    // Head and body are one write when the body is text; Latin-1 keeps its bytes.
    else this.#response.end(Buffer.concat(this.#pieces).toString('latin1'), 'latin1')
  }

  onResponseError(): void {
    this.#response.destroy()
  }
}

function serve(port: number, origin: string): void {
  const pool = new Pool(origin, { connections: null, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
  createServer((request, response) => {
    const body: Buffer[] = []
    request.on('data', (chunk: Buffer) => body.push(chunk))
    request.on('end', () => {
      const path = request.url ?? '/'
      pool.dispatch({ path, method: 'POST', headers, body: Buffer.concat(body) }, new Relay(response))
    })
  }).listen(port, '127.0.0.1')
}

const pairs = process.argv.slice(2)
for (let index = 0; index + 1 < pairs.length; index += 2) serve(Number(pairs[index]), pairs[index + 1] ?? '')
