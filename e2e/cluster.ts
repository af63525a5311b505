import { writeFile } from 'node:fs/promises'
import { type PostgresServer, startPostgres } from '../gateway/test/databases.ts'
import { type PlayedProvider, playProvider } from '../gateway/test/played/provider.ts'
import { configText, playedModel } from './config-file.ts'
import { type Haproxy, haproxyMissing, startHaproxy } from './haproxy.ts'
import { freePort, type GatewayProcess, masterKey, startGateway } from './processes.ts'
import { makeScratch } from './scratch.ts'

/** Replicas on one PostgreSQL, behind HAProxy where it is installed, before a played provider. */
export interface Cluster {
  readonly replicas: readonly GatewayProcess[]
  readonly postgres: PostgresServer
  readonly provider: PlayedProvider
  /** Of HAProxy, else of the first replica. */
  readonly url: string
  /** One of the replicas, by chance or by number. */
  replica(index?: number): GatewayProcess
  stop(): Promise<void>
}

export interface ClusterOptions {
  readonly replicas?: number
  /** Names of models in the file, besides what is changed by API. */
  readonly models: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

export interface Status {
  readonly state: string
  readonly revision: number
  readonly applied_revision: number
  readonly hash: string
  readonly problems: readonly unknown[]
}

/** @returns `undefined` where PostgreSQL is not installed */
export async function startCluster(options: ClusterOptions): Promise<Cluster | undefined> {
  const postgres = await startPostgres()
  if (postgres === undefined) return undefined
  const provider = await playProvider()
  const scratch = await makeScratch()
  const config = scratch.file('config.yaml')
  const text = configText({
    model_list: options.models.map((name) => playedModel(name, `${provider.url}/v1`)),
    router_settings: { num_retries: 0, disable_cooldowns: true },
    general_settings: { store_model_in_db: true },
  })
  await writeFile(config, text)
  const ports = await Promise.all(Array.from({ length: options.replicas ?? 3 }, () => freePort()))
  const replicas = await Promise.all(
    ports.map((port, index) =>
      startGateway({
        config,
        port,
        environment: {
          DATABASE_URL: postgres.url,
          LITELLM_SALT_KEY: 'sk-e2e-salt',
          MIDFLIGHT_REPLICA_ID: `g${index + 1}`,
          MIDFLIGHT_DRAIN_MAX_SECONDS: '5',
          ...options.environment,
        },
      }),
    ),
  )
  const haproxy: Haproxy | undefined = haproxyMissing() === undefined ? await startHaproxy(ports) : undefined
  const [first] = replicas
  if (first === undefined) throw new Error('a cluster has a replica')
  return {
    replicas,
    postgres,
    provider,
    url: haproxy?.url ?? first.url,
    replica: (index = Math.floor(Math.random() * replicas.length)) => replicas[index % replicas.length] ?? first,
    async stop() {
      await haproxy?.stop()
      await Promise.all(replicas.map((replica) => replica.stop()))
      await postgres.stop()
      await provider.close()
      await scratch.remove()
    },
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

/** A management call, or another, with the master key unless another is given. */
export async function send(replica: GatewayProcess, path: string, body?: unknown, key = masterKey): Promise<Answer> {
  const response = await fetch(`${replica.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
}

/** A short chat with a model; the status is what matters. */
export function chat(replica: GatewayProcess, model: string, key = masterKey): Promise<Answer> {
  const messages = [{ role: 'user', content: '#id probe\n#tokens 1' }]
  return send(replica, '/v1/chat/completions', { model, messages }, key)
}

/** An estimate of a quantile from the buckets of a histogram, summed over replicas: the bound of the bucket it falls into, s. */
export async function quantile(cluster: Cluster, metric: string, share: number, label = ''): Promise<number> {
  const counts = new Map<number, number>()
  for (const replica of cluster.replicas) {
    for (const [name, value] of await replica.metrics()) {
      if (!name.startsWith(`${metric}_bucket`) || !name.includes(label)) continue
      const bound = /le="([^"]+)"/.exec(name)?.[1] ?? ''
      const at = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound)
      counts.set(at, (counts.get(at) ?? 0) + value)
    }
  }
  const all = counts.get(Number.POSITIVE_INFINITY) ?? 0
  const bounds = [...counts.keys()].sort((a, b) => a - b)
  return bounds.find((bound) => (counts.get(bound) ?? 0) >= all * share) ?? Number.NaN
}
