import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Origins } from '../names.ts'
import { freePort, proxyCpu, ready, type Workbench } from '../workbench.ts'
import { type Candidate, chatBody, chatPath } from './candidate.ts'

const version = '1.15.2'

/**
 * From 1.14.2 on, the adapter makes Portkey answer every stream with 500 "TypeError: immutable" (Portkey-AI/gateway#1389),
 * and a fresh install takes the newest. The last adapter that works is forced, so that there is something to measure.
 */
const adapterVersion = '1.14.1'

/** Portkey's npm package, installed into the bench's temporary directory, on the same Node as Midflight. */
export async function startPortkey(bench: Workbench, origins: Origins, node: string): Promise<Candidate> {
  const directory = install(bench)
  const port = await freePort()
  const running = bench.start({
    name: 'portkey',
    cpu: proxyCpu,
    command: node,
    args: [join(directory, 'node_modules/@portkey-ai/gateway/build/start-server.js'), '--headless', `--port=${port}`],
    cwd: directory,
    env: { NODE_ENV: 'production' },
  })
  await ready(running, async () => (await fetch(`http://127.0.0.1:${port}/`)).status)
  return {
    name: 'portkey',
    label: `Portkey ${version}`,
    running,
    target: (kind) => ({
      url: `http://127.0.0.1:${port}${chatPath}`,
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer sk-bench',
        'x-portkey-provider': 'openai',
        'x-portkey-custom-host': `${origins[kind]}/v1`,
      },
      body: chatBody('bench-model', kind),
    }),
  }
}

function install(bench: Workbench): string {
  const directory = join(bench.directory, 'portkey-package')
  mkdirSync(directory)
  const manifest = {
    private: true,
    dependencies: { '@portkey-ai/gateway': version },
    overrides: { '@hono/node-server': adapterVersion },
  }
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest))
  const flags = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  try {
    execFileSync('npm', flags, { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'], timeout: 120_000 })
  } catch (cause) {
    throw new Error('Portkey cannot be installed from npm; `--skip portkey` runs the bench without it.', { cause })
  }
  return directory
}
