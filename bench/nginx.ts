import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Origins, UpstreamKind } from './names.ts'
import { freePort, loadCpu, proxyCpu, type Running, ready, type Workbench } from './workbench.ts'

/** About 400 bytes, what a short chat answer is. */
export const unaryAnswer = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'bench-model',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: 'The route may change while the plane is in the air; the passengers need not know.',
      },
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 24, completion_tokens: 18, total_tokens: 42 },
  system_fingerprint: 'fp_bench',
})

export interface Nginx {
  readonly running: Running
  readonly port: number
}

/** nginx that answers everything with `unaryAnswer` from memory. */
export async function startNginxUpstream(bench: Workbench): Promise<Nginx> {
  const port = await freePort()
  const server = `server { listen 127.0.0.1:${port}; default_type application/json; location / { return 200 '${unaryAnswer}'; } }`
  return { running: await startNginx(bench, 'nginx-upstream', loadCpu, server, port), port }
}

/**
 * nginx as a plain reverse proxy with kept-alive upstream connections; one port per upstream. Unbuffered, which is what
 * streams need and also the cheaper of the two for small answers.
 */
export async function startNginxProxy(
  bench: Workbench,
  origins: Origins,
): Promise<{ readonly running: Running; readonly ports: Readonly<Record<UpstreamKind, number>> }> {
  const ports = { unary: await freePort(), burst: await freePort(), paced: await freePort() }
  const kinds = ['unary', 'burst', 'paced'] as const
  const servers = kinds.map(
    (kind) => `
    upstream ${kind} { server ${new URL(origins[kind]).host}; keepalive 512; keepalive_requests 1000000000; }
    server { listen 127.0.0.1:${ports[kind]}; location / { proxy_pass http://${kind}; } }`,
  )
  const settings = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;'
  return { running: await startNginx(bench, 'nginx-proxy', proxyCpu, settings + servers.join(''), ports.unary), ports }
}

/** One process, no master: then its CPU time is the worker's and nothing else's. */
async function startNginx(bench: Workbench, name: string, cpu: number, http: string, port: number): Promise<Running> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (part) => `${part}_temp_path ${join(bench.directory, `${name}-${part}`)};`,
  )
  const file = join(bench.directory, `${name}.conf`)
  writeFileSync(
    file,
    `daemon off; master_process off; worker_processes 1; error_log stderr error; pid ${join(bench.directory, `${name}.pid`)};
events { worker_connections 4096; }
http {
    access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; ${temporary.join(' ')}
    ${http}
}
`,
  )
  const running = bench.start({ name, cpu, command: 'nginx', args: ['-p', bench.directory, '-c', file] })
  await ready(running, async () => (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' })).status)
  return running
}
