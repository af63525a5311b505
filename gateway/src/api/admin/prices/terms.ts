import { z } from 'zod'
import { isObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { type AdminCall, type AdminReply, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import type { AdminPorts } from '../ports.ts'
import { detailed } from '../refusals.ts'
import { putSettings, sectionOf } from '../settings/stored-settings.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { readers, tag, writers } from './reload.ts'

/** A margin of 1,000 %: more is a mistyped percentage. */
const largestMargin = 10
const global = 'global'

interface Terms {
  readonly path: string
  readonly key: 'cost_discount_config' | 'cost_margin_config'
  readonly noun: string
  /** Why a value cannot be one; `undefined`: it can. */
  readonly fault: (provider: string, value: JsonValue | undefined) => string | undefined
}

const discounts: Terms = {
  path: '/config/cost_discount_config',
  key: 'cost_discount_config',
  noun: 'discount',
  fault(provider, value) {
    if (provider === global) return 'a discount is given to a provider, not to all'
    return isFraction(value, 1) ? undefined : `the discount of ${provider} is not a number of 0 to 1`
  },
}

const margins: Terms = {
  path: '/config/cost_margin_config',
  key: 'cost_margin_config',
  noun: 'margin',
  fault(provider, value) {
    if (isFraction(value, largestMargin)) return undefined
    if (!isObject(value)) return `the margin of ${provider} is not a number of 0 to ${largestMargin}, nor an object`
    const unknown = Object.keys(value).find((name) => name !== 'percentage' && name !== 'fixed_amount')
    if (unknown !== undefined)
      return `the margin of ${provider} has \`percentage\` and \`fixed_amount\`, not \`${unknown}\``
    const isSound =
      (value.percentage === undefined || isFraction(value.percentage, largestMargin)) &&
      (value.fixed_amount === undefined || isFraction(value.fixed_amount, Number.MAX_SAFE_INTEGER)) &&
      Object.keys(value).length > 0
    return isSound
      ? undefined
      : `the margin of ${provider} is not a percentage of 0 to ${largestMargin} and an amount of 0 or more`
  },
}

/** Discounts and margins by provider, in force from the next call on (contract 1.8). What is sent replaces the whole. */
export function termsRoutes(ports: Pick<AdminPorts, 'changes'>): readonly DeclaredRoute[] {
  return [discounts, margins].flatMap((terms) => [
    adminRoute({
      method: 'GET',
      path: terms.path,
      summary: `The ${terms.noun}s by provider`,
      tag,
      roles: readers,
      handle({ exchange }) {
        const spec = snapshotOf(exchange).declared.get('settings', 'gateway')?.spec ?? {}
        return { body: { values: sectionOf(spec, 'litellm_settings')[terms.key] ?? {} } }
      },
    }),
    adminRoute({
      method: 'PATCH',
      path: terms.path,
      summary: `Replaces the ${terms.noun}s`,
      tag,
      roles: writers,
      body: z.record(z.string(), z.unknown()),
      handle: (call) => replace(terms, call, ports),
    }),
  ])
}

async function replace(
  terms: Terms,
  { change, exchange, sent }: AdminCall<unknown, unknown>,
  { changes }: Pick<AdminPorts, 'changes'>,
): Promise<AdminReply> {
  const snapshot = snapshotOf(exchange)
  const known = new Set([...snapshot.prices.providers, ...Array.from(snapshot.deployments.values(), (d) => d.provider)])
  for (const [provider, value] of Object.entries(sent)) {
    if (provider !== global && !known.has(provider)) throw detailed(400, `Invalid provider: ${provider}`)
    const fault = terms.fault(provider, value)
    if (fault !== undefined) throw detailed(400, fault)
  }
  const values: JsonObject = sent
  const outcome = await changes.resources(change, (draft) => {
    putSettings(draft, { litellm_settings: { [terms.key]: values } })
    return { result: values }
  })
  return changeReply(change, outcome, {
    message: `Cost ${terms.noun} configuration updated successfully`,
    status: 'success',
    values,
  })
}

function isFraction(value: JsonValue | undefined, most: number): boolean {
  return typeof value === 'number' && value >= 0 && value <= most
}
