import type { Buffer } from 'node:buffer'
import { breakdownOf } from '../core/cost/breakdown.ts'
import type { GatewayError } from '../core/errors.ts'
import type { SettledCall } from '../core/ledger/settled-call.ts'
import { usdToNano } from '../core/money.ts'
import { promptTokens } from '../core/prompt-tokens.ts'
import type { Usage } from '../core/usage.ts'
import type { DialectName, UpstreamFailure } from '../core/wire.ts'
import { answerIdIn } from './answer-id.ts'
import type { Call, Progress } from './call.ts'
import { costOfCall } from './cost-of-call.ts'
import { charge } from './limits.ts'
import type { CallPorts } from './ports.ts'
import type { Asked, Source } from './served.ts'
import type { StreamPipe } from './stream-pipe.ts'
import { upstreamModelOf } from './target.ts'

/** LiteLLM's names of the operations, as its spend logs have them. A count of tokens is no call to account for. */
const callTypes: Readonly<Partial<Record<DialectName, string>>> = {
  'openai-chat': 'acompletion',
  'openai-completions': 'atext_completion',
  'openai-embeddings': 'aembedding',
  'anthropic-messages': 'anthropic_messages',
}

/**
 * Keeps what the call came to, once: before the caller is sent the last byte, so that no call that a caller saw complete is ever lost
 * (reliability F123). What comes later, such as a caller who hangs up on the last byte, is not told any more.
 */
export function account(
  call: Call,
  source: Source | undefined,
  error: GatewayError | undefined,
  ports: CallPorts,
): void {
  const { progress, settings } = call
  if (progress.accounted) return
  progress.accounted = true
  if (source !== undefined && progress.usage === undefined) {
    progress.usage = usageOf(call, source)
    progress.cost = costOfCall(call, source, progress.usage, ports)
  }
  const callType = callTypes[call.dialect]
  const { ledger } = ports
  if (ledger === undefined || ledger.full || callType === undefined || settings.ledgerDisabled) {
    charge(call, source, 'no-row', ports)
    return
  }
  const charges = charge(call, source, 'row', ports)
  ledger.keep(settledCall(call, callType, source ?? progress.lastAsked, error, ledger.newId(), ports), charges)
}

/**
 * What the provider said was used. Of a stream that it, or the caller, cut before the last word: what had passed until then, so that
 * it is not had for nothing (issue #4).
 */
function usageOf(call: Call, { prepared }: Source): Usage | undefined {
  if (prepared.type === 'local') return prepared.usage
  const { pipe } = prepared
  const { sample } = call.progress
  if (pipe === undefined || sample === undefined || (pipe.finished && pipe.usage !== undefined)) return pipe?.usage
  const outputTokens = sample.outputTokens()
  if (pipe.usage === undefined) {
    // A provider that refused before the first word has not been paid for the prompt.
    if (!pipe.started) return undefined
    return { inputTokens: promptOf(call), outputTokens, estimated: true }
  }
  return { ...pipe.usage, outputTokens: Math.max(pipe.usage.outputTokens, outputTokens), estimated: true }
}

function promptOf({ body }: Call): number {
  const { messages, prompt, contents, system, tools } = body
  return promptTokens([messages ?? prompt ?? contents ?? null, system ?? null, tools ?? null])
}

/** Accounts for a stream when the provider has said its last word, before the caller hears it. */
export function accountedPipe(pipe: StreamPipe, progress: Progress, onFinished: () => void): StreamPipe {
  return new AccountedPipe(pipe, progress, onFinished)
}

/** Comments and empty events may come before the first with an id; of a stream without any not every event is searched. */
const mostSearched = 4

/** A class, because getters in a literal would give every pipe a hidden class of its own, which outlives it by far. */
class AccountedPipe implements StreamPipe {
  readonly #pipe: StreamPipe
  readonly #progress: Progress
  readonly #onFinished: () => void
  #searched = 0
  #told = false

  constructor(pipe: StreamPipe, progress: Progress, onFinished: () => void) {
    this.#pipe = pipe
    this.#progress = progress
    this.#onFinished = onFinished
  }

  push(chunk: Buffer): Buffer | string {
    const progress = this.#progress
    progress.sample?.add(chunk)
    const bytes = this.#pipe.push(chunk)
    if (progress.answerId === '' && this.#searched < mostSearched && bytes.length > 0) {
      this.#searched += 1
      progress.answerId = answerIdIn(bytes)
    }
    return this.#tell(bytes)
  }

  end(): Buffer | string {
    return this.#tell(this.#pipe.end())
  }

  fail(error: GatewayError): string {
    return this.#pipe.fail(error)
  }

  get started(): boolean {
    return this.#pipe.started
  }

  get finished(): boolean {
    return this.#pipe.finished
  }

  get failure(): UpstreamFailure | undefined {
    return this.#pipe.failure
  }

  get usage(): Usage | undefined {
    return this.#pipe.usage
  }

  #tell(bytes: Buffer | string): Buffer | string {
    if (this.#told || !this.finished || this.failure !== undefined) return bytes
    this.#told = true
    this.#onFinished()
    return bytes
  }
}

function settledCall(
  call: Call,
  callType: string,
  source: Asked | undefined,
  error: GatewayError | undefined,
  id: string,
  ports: CallPorts,
): SettledCall {
  const { principal, progress, snapshot } = call
  const { key, team, organization } = principal
  const elapsedMs = ports.clock.now() - call.startedAt
  const endedAt = Math.round(ports.clock.wall())
  const { cost, usage } = progress
  return {
    id,
    callId: call.id,
    answerId: progress.answerId,
    startedAt: Math.round(endedAt - elapsedMs),
    endedAt,
    firstContentMs: progress.firstContentMs,
    holders: {
      key: key?.id ?? masterKey,
      keyAlias: key?.alias ?? '',
      user: principal.userId,
      team: team?.id ?? '',
      organization: organization?.id ?? '',
      endUser: call.endUser ?? '',
    },
    requestedModel: call.model,
    modelGroup: source?.target.resolution.group.name ?? '',
    deployment: source?.deployment.id ?? '',
    provider: source?.deployment.provider ?? '',
    providerModel: source === undefined ? '' : upstreamModelOf(source.deployment, source.target.resolution.wildcard),
    apiBase: source?.deployment.apiBase ?? '',
    callType,
    stream: call.stream,
    status: error?.status ?? 200,
    errorCode: error?.code,
    attempts: progress.attempts,
    fallbacks: progress.fallbacks,
    revision: snapshot.revision,
    priceMap: snapshot.prices.hash,
    usage,
    estimated: usage?.estimated === true,
    cost: cost?.total ?? (boughtNothing(call, error) ? usdToNano(0) : undefined),
    breakdown: cost === undefined ? undefined : breakdownOf(cost),
    tags: call.tags,
    cacheHit: false,
    clientAddress: call.clientAddress,
  }
}

/** A call that was refused here, or by the provider: its cost is known, it is nothing. One that was cut short may cost something. */
function boughtNothing({ progress }: Call, error: GatewayError | undefined): boolean {
  if (error === undefined || progress.usage !== undefined) return false
  return progress.attempts === 0 || error.upstreamStatus !== undefined
}

/** What LiteLLM's spend logs call the master key. */
const masterKey = 'litellm_proxy_master_key'
