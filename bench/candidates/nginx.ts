import type { Origins } from '../names.ts'
import { startNginxProxy } from '../nginx.ts'
import type { Workbench } from '../workbench.ts'
import { type Candidate, chatBody, chatPath } from './candidate.ts'

/** The yardstick: bytes in, bytes out, in C. */
export async function startNginxCandidate(bench: Workbench, origins: Origins): Promise<Candidate> {
  const { running, ports } = await startNginxProxy(bench, origins)
  return {
    name: 'nginx',
    label: 'nginx `proxy_pass`',
    running,
    target: (kind) => ({
      url: `http://127.0.0.1:${ports[kind]}${chatPath}`,
      headers: { 'content-type': 'application/json', authorization: 'Bearer sk-bench' },
      body: chatBody('bench-model', kind),
    }),
  }
}
