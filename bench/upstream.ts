import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Origins } from './names.ts'
import { startNginxUpstream } from './nginx.ts'
import { loadCpu, ready, type Workbench } from './workbench.ts'

/** Events of one stream, `[DONE]` included. */
export const eventsPerStream = 50
/** Between two events of a paced stream. */
const eventIntervalMs = 4

export interface Upstreams {
  readonly origins: Origins
  /** Events the stream upstream has written since its start. */
  eventsWritten(): Promise<number>
}

/** nginx for the unary scenarios, `stream-upstream.ts` for the streaming ones, because nginx cannot pace a body. */
export async function startUpstreams(bench: Workbench): Promise<Upstreams> {
  const nginx = await startNginxUpstream(bench)
  const program = fileURLToPath(new URL('stream-upstream.ts', import.meta.url))
  const streams = bench.start({
    name: 'stream-upstream',
    cpu: loadCpu,
    command: process.execPath,
    args: [program, String(eventsPerStream), String(eventIntervalMs)],
  })
  const ports = await ready(streams, async () => firstNumbers(streams.output(), 'burst', 'paced'))
  return {
    origins: {
      unary: `http://127.0.0.1:${nginx.port}`,
      burst: `http://127.0.0.1:${ports.burst}`,
      paced: `http://127.0.0.1:${ports.paced}`,
    },
    async eventsWritten() {
      const before = streams.output().length
      streams.child.kill('SIGUSR2')
      for (let tries = 0; tries < 200; tries += 1) {
        await sleep(10)
        const answer = firstNumbers(streams.output().slice(before), 'events')
        if (answer !== undefined) return answer.events
      }
      throw new Error('the stream upstream does not tell its count')
    },
  }
}

/** The named numbers of the JSON in `text`, or nothing when it is not all there yet. */
function firstNumbers<Name extends string>(text: string, ...names: readonly Name[]): Record<Name, number> | undefined {
  const found = names.map((name) => [name, Number(new RegExp(`"${name}":(\\d+)`).exec(text)?.[1])] as const)
  if (found.some(([, value]) => Number.isNaN(value)) || !text.endsWith('\n')) return undefined
  // fromEntries forgets the key type; every name is present by the line above.
  return Object.fromEntries(found) as Record<Name, number>
}
