import type { Cost } from '../core/cost/cost-of.ts'
import { rateToText } from '../core/cost/rate.ts'
import type { Deployment } from '../core/deployment.ts'
import type { GatewayError } from '../core/errors.ts'
import { nanoToText } from '../core/money.ts'
import type { UpstreamHeaders } from '../lib/http-client.ts'
import { byName } from '../lib/http1/by-name.ts'
import { type FieldLines, keptLines } from '../lib/http1/field-lines.ts'
import { version } from '../lib/version.ts'
import type { Call } from './call.ts'
import { pushLimits } from './limits.ts'
import type { CallPorts } from './ports.ts'

/** What the headers tell of the answer. */
export interface Answered {
  readonly headers: UpstreamHeaders
  /** `undefined` where no price is known, and of streams, whose head is sent before they cost anything. */
  readonly cost: Cost | undefined
}

/** Headers that describe one hop, or that the gateway sets itself; never copied from a provider. */
const notCopied: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'content-encoding',
  'content-type',
  'date',
  'server',
  'set-cookie',
  'trailer',
  'upgrade',
])

/** The part of a head that is the same for all calls of a group that a deployment answers, until something is changed. */
interface Standing {
  readonly group: string
  readonly revision: number
  readonly lines: FieldLines
}

const standing = new WeakMap<Deployment, Standing>()

/** The headers that tell who answered, checked and put together once (measured: 2 µs a call). */
export function standingLines(call: Call, deployment: Deployment, group: string): FieldLines {
  const { revision } = call.snapshot
  const known = standing.get(deployment)
  if (known?.revision === revision && known.group === group) return known.lines
  const lines = keptLines([
    'x-litellm-model-id',
    headerText(deployment.id),
    'x-litellm-model-group',
    headerText(group),
    'x-litellm-model-api-base',
    headerText(deployment.apiBase),
    'x-litellm-version',
    version,
    'x-midflight-revision',
    String(revision),
  ])
  standing.set(deployment, { group, revision, lines })
  return lines
}

/**
 * The response headers of a call beside its standing ones: LiteLLM's (contract 4.3), ours, and the provider's under `llm_provider-`.
 * @returns name, value, name, value …
 */
export function answerHead(call: Call, answered: Answered, contentType: string, ports: CallPorts): string[] {
  const { progress } = call
  const elapsedMs = ports.clock.now() - call.startedAt
  const head = [
    'content-type',
    contentType,
    'x-litellm-call-id',
    call.id,
    'x-litellm-response-duration-ms',
    progress.upstreamMs.toFixed(3),
    'x-litellm-overhead-duration-ms',
    Math.max(0, elapsedMs - progress.upstreamMs).toFixed(3),
    'x-litellm-attempted-retries',
    String(progress.retries),
    'x-litellm-attempted-fallbacks',
    String(progress.fallbacks),
  ]
  if (answered.cost !== undefined) pushCost(head, answered.cost)
  if (call.options.timeoutMs !== undefined) head.push('x-litellm-timeout', String(call.options.timeoutMs / 1000))
  pushNames(head, 'x-midflight-dropped-params', progress.dropped)
  pushNames(head, 'x-midflight-changed-params', progress.changed)
  const ownEnd = head.length
  pushLimits(head, call, ports)
  const limited = head.length > ownEnd
  const { headers } = answered
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (notCopied.has(name)) continue
    const value = headers[index + 1] ?? ''
    head.push(providersName(name), value)
    // What the gateway says of its own limits must not stand beside the provider's under one name.
    if (!limited && name.startsWith('x-ratelimit-')) head.push(name, value)
  }
  return head
}

/** Where a header of the provider is told. */
const providersName = byName((name) => `llm_provider-${name}`)

function pushCost(head: string[], cost: Cost): void {
  head.push('x-litellm-response-cost', nanoToText(cost.total))
  if (cost.discount === 0 && cost.margin === 0) return
  head.push('x-litellm-response-cost-original', nanoToText(cost.original))
  if (cost.discount !== 0) head.push('x-litellm-response-cost-discount-amount', nanoToText(cost.discount))
  if (cost.margin === 0) return
  head.push('x-litellm-response-cost-margin-amount', nanoToText(cost.margin))
  const share = cost.terms?.margin ?? 0n
  if (share !== 0n) head.push('x-litellm-response-cost-margin-percent', rateToText(share))
}

/** The headers of an answer that is an error. */
export function errorHead(callId: string, revision: number | undefined, error: GatewayError): string[] {
  const head = ['content-type', 'application/json', 'x-litellm-call-id', callId, 'x-litellm-version', version]
  if (revision !== undefined) head.push('x-midflight-revision', String(revision))
  if (error.retryAfterMs !== undefined) head.push('retry-after', String(Math.ceil(error.retryAfterMs / 1000)))
  head.push(...error.headers)
  return head
}

/** Names are people's own: what a header cannot hold is percent-encoded, or every call of the model would fail. */
function headerText(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : encodeURI(text.toWellFormed())
}

/** A parameter name is the caller's own text, so only characters that a header may hold are shown. */
function pushNames(head: string[], header: string, names: readonly string[]): void {
  if (names.length === 0) return
  head.push(header, names.map((name) => name.replace(/[^\x21-\x7e]/g, '?')).join(','))
}
