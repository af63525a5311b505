import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Origins, UpstreamKind } from '../names.ts'
import { freePort, proxyCpu, ready, type Workbench } from '../workbench.ts'
import { type Candidate, chatBody, chatPath } from './candidate.ts'

const program = fileURLToPath(new URL('../../gateway/bin/midflight.js', import.meta.url))
const masterKey = 'sk-bench-master-key'

export interface Midflight extends Candidate {
  /** Saves the config file with another weight of a deployment in use and another model name beside it, by rename. */
  change(): void
  /** The revision that served the last call of its own. */
  revision(): Promise<number>
}

/** Midflight as anybody would start it: a config file, a master key, logs and metrics as they are by default. */
export async function startMidflight(
  bench: Workbench,
  origins: Origins,
  node: string,
  deployments: number,
): Promise<Midflight> {
  const name = `midflight-${deployments}`
  const port = await freePort()
  const config = join(bench.directory, `${name}.yaml`)
  let changes = 0
  const save = () => {
    writeFileSync(`${config}.new`, configWith(origins, deployments, changes))
    renameSync(`${config}.new`, config)
  }
  save()
  const running = bench.start({
    name,
    cpu: proxyCpu,
    command: node,
    // On Linux, where the bench runs, the program gives itself the flags that `npm start` has.
    args: [
      program,
      '--config',
      config,
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--data-dir',
      join(bench.directory, `${name}-data`),
    ],
    env: { LITELLM_MASTER_KEY: masterKey },
  })
  const origin = `http://127.0.0.1:${port}`
  await ready(running, async () => (await fetch(`${origin}/health/readiness`)).ok || undefined)
  const target = (kind: UpstreamKind) => ({
    url: `${origin}${chatPath}`,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${masterKey}` },
    body: chatBody(`bench-${kind}`, kind),
  })
  return {
    name: 'midflight',
    label: deployments === 10 ? 'Midflight' : `Midflight, ${deployments.toLocaleString('en')} deployments`,
    running,
    target,
    change() {
      changes += 1
      save()
    },
    async revision() {
      const { url, headers, body } = target('unary')
      const answer = await fetch(url, { method: 'POST', headers, body })
      await answer.arrayBuffer()
      return Number(answer.headers.get('x-midflight-revision'))
    },
  }
}

/** Ten deployments in the three groups that are called; any more are in groups of five that nobody calls. */
function configWith(origins: Origins, deployments: number, changes: number): string {
  const called = (
    ['unary', 'unary', 'unary', 'unary', 'burst', 'burst', 'burst', 'paced', 'paced', 'paced'] as const
  ).map((kind, index) => entry(`bench-${kind}`, origins[kind], index, 1 + (changes % 2) * (index % 2)))
  const others = Array.from({ length: Math.max(0, deployments - called.length) }, (_, index) =>
    entry(`other-${Math.floor(index / 5)}`, `http://127.0.0.${2 + (index % 50)}:9`, called.length + index, 1),
  )
  const changing = changes === 0 ? [] : [entry(`changed-${changes}`, origins.unary, deployments, 1)]
  return `model_list:\n${[...called, ...others, ...changing].join('')}`
}

function entry(model: string, origin: string, index: number, weight: number): string {
  return `  - model_name: ${model}
    litellm_params:
      model: openai/bench-model
      api_base: ${origin}/v1
      api_key: sk-upstream-${index}
      weight: ${weight}
    model_info:
      id: bench-deployment-${index}
`
}
