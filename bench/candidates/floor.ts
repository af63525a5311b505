import { fileURLToPath } from 'node:url'
import type { Origins } from '../names.ts'
import { freePort, proxyCpu, type Running, ready, type Workbench } from '../workbench.ts'
import { type Candidate, chatBody, chatPath } from './candidate.ts'

const program = fileURLToPath(new URL('../floor-proxy.ts', import.meta.url))

/** One process with a port for each upstream. */
export async function startFloor(bench: Workbench, origins: Origins, node: string): Promise<Candidate> {
  const ports = { unary: await freePort(), burst: await freePort(), paced: await freePort() }
  const pairs = (['unary', 'burst', 'paced'] as const).flatMap((kind) => [String(ports[kind]), origins[kind]])
  const running: Running = bench.start({ name: 'floor', cpu: proxyCpu, command: node, args: [program, ...pairs] })
  await ready(
    running,
    async () => (await fetch(`http://127.0.0.1:${ports.unary}/`, { method: 'POST', body: '{}' })).status,
  )
  return {
    name: 'floor',
    label: 'bare Node proxy',
    running,
    target: (kind) => ({
      url: `http://127.0.0.1:${ports[kind]}${chatPath}`,
      headers: { 'content-type': 'application/json', authorization: 'Bearer sk-bench' },
      body: chatBody('bench-model', kind),
    }),
  }
}
