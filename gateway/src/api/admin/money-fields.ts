import { parseDuration } from '../../core/duration.ts'
import { nanoToUsd, usdToNano } from '../../core/money.ts'
import { nothingSpent, type SpenderKind, type Spent, spenderName } from '../../core/spend.ts'
import type { JsonObject } from '../../lib/json.ts'
import { firstReset, windowEnd } from '../../state/limits/budget-window.ts'
import { isoTime, textOf } from './body-changes.ts'
import type { RecordPorts } from './record-ports.ts'

/** The sums of many spenders of one kind, by id. */
export async function spentBy(
  ports: Pick<RecordPorts, 'spending'>,
  kind: SpenderKind,
  ids: readonly string[],
): Promise<(id: string) => Spent> {
  if (ids.length === 0) return () => nothingSpent
  const spent = await ports.spending.of(ids.map((value) => ({ kind, value })))
  return (id) => spent.get(spenderName({ kind, value: id })) ?? nothingSpent
}

/** What rows show of money: what was spent in the running window, and when that ends. */
export function moneyFields(
  ports: Pick<RecordPorts, 'timezone' | 'clock'>,
  body: JsonObject,
  spent: Spent,
): { readonly spend: number; readonly budget_reset_at: string | null } {
  const duration = textOf(body.budget_duration)
  const resetsAt = duration === undefined ? undefined : (spent.resetsAt ?? nextReset(ports, body, ports.clock.wall()))
  return { spend: nanoToUsd(spent.amount), budget_reset_at: resetsAt === undefined ? null : isoTime(resetsAt) }
}

/**
 * The stored `budget_reset_at` of a body whose duration was just set: the end of its first window, from which the later ones are
 * counted.
 */
export function resetAnchor(
  ports: Pick<RecordPorts, 'timezone'>,
  duration: unknown,
  now: number,
): { readonly budget_reset_at: string | null } {
  const at = typeof duration === 'string' ? firstReset(duration, ports.timezone(), now) : undefined
  return { budget_reset_at: at === undefined ? null : isoTime(at) }
}

function nextReset(ports: Pick<RecordPorts, 'timezone'>, body: JsonObject, now: number): number | undefined {
  const duration = parseDuration(textOf(body.budget_duration) ?? '')
  const anchor = Date.parse(textOf(body.budget_reset_at) ?? '')
  if (duration === undefined) return undefined
  return windowEnd({ duration, timezone: ports.timezone(), anchor: Number.isNaN(anchor) ? undefined : anchor }, now)
}

export async function setSpend(
  ports: Pick<RecordPorts, 'spending'>,
  kind: SpenderKind,
  id: string,
  dollars: number,
): Promise<void> {
  await ports.spending.set({ kind, value: id }, usdToNano(dollars))
}
