import type { Reconciler, Turn } from '../../config/reconciler.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { durationBounds, type Traffic, type TrafficSums } from '../../state/traffic.ts'
import type { Authenticator } from '../authenticate.ts'
import type { Route } from '../route.ts'
import { type Buckets, bucketsOf, Exposition, escaped } from './exposition.ts'
import { type LimitSource, limitText } from './limit-metrics.ts'
import { ProcessMetrics } from './process-metrics.ts'

export interface MetricsOptions {
  readonly traffic: Traffic
  readonly status: Reconciler['status']
  readonly openCalls: () => number
  readonly limits: LimitSource
}

/** Seconds. */
const propagationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10]

/** Everything `GET /metrics` shows. Calls add to plain sums; the page is made from them when somebody scrapes. */
export class Metrics {
  readonly contentType = Exposition.contentType
  readonly #options: MetricsOptions
  readonly #process = new ProcessMetrics()
  /** Configurations that were refused, by source. */
  readonly #refused = new Map<string, number>()
  /** How long changes of other replicas took to come, by whether a hint had come. */
  readonly #propagation = new Map<string, Buckets>()
  #turnSeconds = 0
  #lastSuccess = 0

  constructor(options: MetricsOptions) {
    this.#options = options
  }

  /** @param hinted whether a hint had come, or the change was found by looking */
  onApplied(delayMs: number, hinted: boolean): void {
    bucketsOf(this.#propagation, hinted ? 'seen' : 'missed', propagationBounds).observe(delayMs / 1000)
  }

  onTurn(turn: Turn): void {
    if (turn.type === 'refused') {
      for (const source of turn.sources) this.#refused.set(source, (this.#refused.get(source) ?? 0) + 1)
    }
    if (turn.type !== 'accepted') return
    this.#turnSeconds = turn.durationMs / 1000
    this.#lastSuccess = Date.now() / 1000
  }

  /** In the Prometheus text format. */
  async text(): Promise<string> {
    const { limits, traffic } = this.#options
    const page = new Exposition()
    await this.#process.write(page)
    this.#writeConfig(page)
    return page.toString() + trafficText(traffic) + limitText(limits)
  }

  #writeConfig(to: Exposition): void {
    const { openCalls, status } = this.#options
    const { draining, generation, revision } = status()
    const gauge = (name: string, help: string, value: number) => to.single(name, help, 'gauge', value)
    gauge('midflight_config_generation', 'Number of the running snapshot in this process', generation)
    gauge('midflight_config_revision', 'Number of the desired state that serves', revision)
    gauge('midflight_config_draining_generations', 'Retired snapshots that calls still hold', draining.length)
    gauge('midflight_inflight_requests', 'Requests accepted and not yet answered to the last byte', openCalls())
    to.family('midflight_config_refused_total', 'Configurations that were refused, by source', 'counter')
    for (const [source, count] of this.#refused) to.sample('midflight_config_refused_total', count, { source })
    gauge('midflight_config_compile_seconds', 'Duration of the last accepted preparation', this.#turnSeconds)
    const lastSuccess = 'When a configuration was last accepted'
    gauge('midflight_config_last_success_timestamp_seconds', lastSuccess, this.#lastSuccess)
    to.histograms(
      'midflight_change_propagation_seconds',
      'From the commit of a change on another replica until it is in force here, by the clock of the store',
      'hint',
      this.#propagation,
    )
  }
}

export function metricsRoute(metrics: Metrics, authenticator: Authenticator): Route {
  return {
    method: 'GET',
    path: '/metrics',
    access: 'public',
    withoutSnapshot: true,
    async handle(exchange) {
      const settings = exchange.snapshot?.settings
      if (settings?.requireAuthForMetrics === true)
        await authenticator.authenticate(exchange.head, this, settings, exchange.http.connection)
      exchange.reply.send(200, ['content-type', metrics.contentType], await metrics.text())
    },
  }
}

/** Sums that calls add to. */
function trafficText(traffic: Traffic): string {
  const all = [...traffic.all()]
  const lines: string[] = []
  counter('midflight_requests_total', 'Calls that ended', (sums) => [['', sums.calls]])
  counter('midflight_request_errors_total', 'Calls that ended in an error, by code', (sums) =>
    Array.from(sums.errors, ([code, count]: [ErrorCode, number]) => [`,code="${code}"`, count]),
  )
  counter('midflight_retries_total', 'Attempts beyond the first within a model group', (sums) => [['', sums.retries]])
  counter('midflight_fallbacks_total', 'Model groups tried beyond the first', (sums) => [['', sums.fallbacks]])
  counter('midflight_input_tokens_total', 'Prompt tokens, cached ones included', (sums) => [['', sums.inputTokens]])
  counter('midflight_output_tokens_total', 'Completion tokens, reasoning included', (sums) => [['', sums.outputTokens]])
  counter('midflight_zero_cost_requests_total', 'Answers that cost their caller nothing, by why', (sums) =>
    Array.from(sums.zeroCost, ([reason, count]) => [`,reason="${reason}"`, count]),
  )
  counter('midflight_dropped_parameters_total', "Callers' parameters that did not reach the provider", (sums) =>
    Array.from(sums.dropped, ([name, count]) => [`,parameter="${escaped(name)}"`, count]),
  )
  lines.push('# HELP midflight_request_duration_seconds From accept to the last byte')
  lines.push('# TYPE midflight_request_duration_seconds histogram')
  for (const sums of all) {
    let count = 0
    for (const [index, bound] of durationBounds.entries()) {
      count += sums.durationCounts[index] ?? 0
      lines.push(`midflight_request_duration_seconds_bucket{${labels(sums)},le="${bound}"} ${count}`)
    }
    lines.push(`midflight_request_duration_seconds_bucket{${labels(sums)},le="+Inf"} ${sums.calls}`)
    lines.push(`midflight_request_duration_seconds_sum{${labels(sums)}} ${sums.durationSeconds}`)
    lines.push(`midflight_request_duration_seconds_count{${labels(sums)}} ${sums.calls}`)
  }
  return `${lines.join('\n')}\n`

  function counter(
    name: string,
    help: string,
    values: (sums: TrafficSums) => readonly (readonly [labels: string, value: number])[],
  ): void {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`)
    for (const sums of all) {
      for (const [more, value] of values(sums)) lines.push(`${name}{${labels(sums)}${more}} ${value}`)
    }
  }
}

function labels(sums: TrafficSums): string {
  return `model_group="${escaped(sums.modelGroup)}",deployment="${escaped(sums.deployment)}",provider="${escaped(sums.provider)}"`
}
