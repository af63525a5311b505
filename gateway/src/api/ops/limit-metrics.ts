import { answerBounds, type LimitFigures } from '../../state/limits/figures.ts'

export interface LimitSource {
  readonly figures: LimitFigures
  readonly spending: { readonly pending: number }
  readonly health: () => { readonly place: string; readonly up: boolean }
}

/** What `GET /metrics` shows of limits and spending, in the Prometheus text format. */
export function limitText(source: LimitSource): string {
  const { figures } = source
  const place = source.health()
  const lines: string[] = []
  const single = (name: string, help: string, type: 'counter' | 'gauge', value: number, labels = '') => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name}${labels} ${value}`)
  }
  const label = `{place="${place.place}"}`
  single(
    'midflight_limits_degraded',
    'Whether limits are counted without their place',
    'gauge',
    place.up ? 0 : 1,
    label,
  )
  single(
    'midflight_limits_fallbacks_total',
    'Calls admitted or refused without it',
    'counter',
    figures.fallbacks,
    label,
  )
  single('midflight_limits_failures_total', 'Commands that failed or took too long', 'counter', figures.failures, label)
  single('midflight_spend_uncosted_total', 'Calls whose cost is unknown', 'counter', figures.uncosted)
  single('midflight_spend_pending', 'Spenders whose sums wait to be written', 'gauge', source.spending.pending)
  lines.push('# HELP midflight_limits_refusals_total Calls refused, by holder and measure')
  lines.push('# TYPE midflight_limits_refusals_total counter')
  for (const [name, count] of figures.refusals) {
    const [descriptor = '', measure = ''] = name.split(':')
    lines.push(`midflight_limits_refusals_total{descriptor="${descriptor}",measure="${measure}"} ${count}`)
  }
  lines.push('# HELP midflight_soft_budget_passed_total Calls of holders beyond their soft budget')
  lines.push('# TYPE midflight_soft_budget_passed_total counter')
  for (const [descriptor, count] of figures.softBudgets) {
    lines.push(`midflight_soft_budget_passed_total{descriptor="${descriptor}"} ${count}`)
  }
  const histogram = 'midflight_limits_answer_seconds'
  lines.push(`# HELP ${histogram} Time of the shared place to decide on a call`, `# TYPE ${histogram} histogram`)
  let count = 0
  for (const [index, bound] of answerBounds.entries()) {
    count += figures.answers[index] ?? 0
    lines.push(`${histogram}_bucket{place="${place.place}",le="${bound}"} ${count}`)
  }
  lines.push(`${histogram}_bucket{place="${place.place}",le="+Inf"} ${figures.answered}`)
  lines.push(`${histogram}_sum${label} ${figures.answerSeconds}`, `${histogram}_count${label} ${figures.answered}`)
  return `${lines.join('\n')}\n`
}
