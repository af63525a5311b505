import type { Snapshot } from '../config/snapshot.ts'
import type { Deployment } from '../core/deployment.ts'
import { asGatewayError, GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import type { DialectName } from '../core/wire.ts'
import type { UpstreamHeaders } from '../lib/http-client.ts'
import { HttpExchange } from '../lib/http-server/http-exchange.ts'
import type { JsonObject } from '../lib/json.ts'
import { Attempt } from './attempt.ts'
import { type Call, newProgress } from './call.ts'
import { mocked } from './mock.ts'
import { readOptions } from './options.ts'
import type { CallPorts } from './ports.ts'
import { prepare } from './prepare.ts'
import { Reply } from './reply.ts'
import type { Target } from './target.ts'

/** The kinds of call with which a deployment can be probed; LiteLLM's `model_info.mode`. */
export const probeModes = ['chat', 'completion', 'embedding'] as const
export type ProbeMode = (typeof probeModes)[number]

export interface Probe {
  readonly mode: ProbeMode
  /** What the `*` of a wildcard deployment stands for; `undefined` for one without. */
  readonly wildcard: string | undefined
  /** Of the whole probe. */
  readonly timeoutMs: number
  readonly principal: Principal
  /** Ends it early. */
  readonly signal?: AbortSignal
}

export interface Probed {
  /** `undefined`: the provider answered, and the answer could be read. */
  readonly error: GatewayError | undefined
  readonly headers: UpstreamHeaders
  readonly durationMs: number
}

const asked: Readonly<Record<ProbeMode, readonly [DialectName, JsonObject]>> = {
  // Few tokens, but enough that a model that thinks first can say a word.
  chat: ['openai-chat', { messages: [{ role: 'user', content: 'Hi' }], max_completion_tokens: 16 }],
  completion: ['openai-completions', { prompt: 'Hi', max_tokens: 16 }],
  embedding: ['openai-embeddings', { input: 'Hi' }],
}

/**
 * One real call to one deployment, encoded and read as a caller's would be, but neither routed nor repeated, and without a word to
 * the deployment's health: what an operator asks must not change where calls go.
 */
export async function probe(deployment: Deployment, snapshot: Snapshot, how: Probe, ports: CallPorts): Promise<Probed> {
  const startedAt = ports.clock.now()
  try {
    const headers = await send(deployment, snapshot, how, ports)
    return { error: undefined, headers, durationMs: ports.clock.now() - startedAt }
  } catch (caught) {
    return { error: asGatewayError(caught), headers: [], durationMs: ports.clock.now() - startedAt }
  }
}

async function send(
  deployment: Deployment,
  snapshot: Snapshot,
  how: Probe,
  ports: CallPorts,
): Promise<UpstreamHeaders> {
  const call = probeCall(deployment, snapshot, how, ports)
  const deadline = call.startedAt + how.timeoutMs
  const prepared =
    mocked(call, deployment, deadline, ports) ?? prepare(call, targetOf(deployment, how), deployment, ports)
  if (prepared.type === 'local') return (await prepared.answer()).headers
  const { router, maxResponseBytes } = snapshot.settings
  const limits = {
    connectMs: router.connectTimeoutMs,
    firstByteMs: how.timeoutMs,
    chunkMs: router.chunkTimeoutMs,
    deadline,
    maxResponseBytes,
  }
  const attempt = new Attempt(deployment, undefined, limits, ports)
  const model = modelOf(deployment, how)
  attempt.start(deployment.endpoint(prepared.dialect, { model, stream: false }), prepared.body.bytes)
  how.signal?.addEventListener(
    'abort',
    () => attempt.abort(new GatewayError('shutting_down', 'The check was given up.')),
    {
      once: true,
    },
  )
  const result = await attempt.result
  if (result.type !== 'whole')
    throw new GatewayError('upstream_malformed', 'the provider streamed, though it was not asked to')
  prepared.render(result.body)
  return result.headers
}

/** A probe has no caller. */
const noRequest = {
  method: 'POST',
  target: '/health',
  fields: [],
  length: undefined,
  keepsAlive: true,
  takesChunks: true,
  expectsContinue: false,
}

function modelOf(deployment: Deployment, { wildcard }: Probe): string {
  return wildcard === undefined ? deployment.upstreamModel : deployment.upstreamModel.replace('*', () => wildcard)
}

function targetOf(deployment: Deployment, { wildcard }: Probe): Target {
  const { blocked, modelName, teamId } = deployment
  const group = { name: modelName, deployments: [deployment], blocked, teamId, mixed: false }
  return { name: modelName, resolution: { group, wildcard }, fallback: undefined }
}

function probeCall(deployment: Deployment, snapshot: Snapshot, how: Probe, ports: CallPorts): Call {
  const [dialect, fields] = asked[how.mode]
  const body = { model: deployment.modelName, ...fields }
  const none = { timeout: undefined, streamTimeout: undefined, retries: undefined }
  return {
    id: `health-${deployment.id}`,
    startedAt: ports.clock.now(),
    dialect,
    route: '/health',
    snapshot,
    settings: snapshot.settings,
    principal: how.principal,
    endUser: undefined,
    customer: undefined,
    endUserLimits: undefined,
    tags: [],
    namesTags: false,
    clientAddress: '',
    tagged: [],
    model: deployment.modelName,
    routedAs: deployment.modelName,
    stream: false,
    body,
    sent: undefined,
    options: { ...readOptions(body, none, dialect), unsupportedParameters: 'drop' },
    reply: new Reply(
      new HttpExchange(noRequest, undefined),
      () => false,
      () => undefined,
    ),
    progress: newProgress(),
  }
}
