import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Stands between a client and its server, and passes bytes on, those of one side after a delay that can be changed at any time. */
export class SlowWire {
  delayMs = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  /** @param port of the server @param late what is delayed: a request that comes late, or an answer to one that was done at once */
  constructor(port: number, late: 'requests' | 'answers') {
    this.#server = createServer((client) => {
      const server = connect(port, '127.0.0.1')
      const [slow, quick] = late === 'requests' ? [client, server] : [server, client]
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => to.destroy())
        from.on('close', () => {
          this.#sockets.delete(from)
          to.destroy()
        })
      }
      slow.on('data', (bytes) => {
        if (this.delayMs === 0) quick.write(bytes)
        else setTimeout(() => quick.write(bytes), this.delayMs)
      })
      quick.pipe(slow)
    })
  }

  /** @returns where clients connect to: `127.0.0.1:<port>` */
  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    // Listening on a port.
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
