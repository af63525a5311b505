import { isIP } from 'node:net'
import { GatewayError } from '../core/errors.ts'
import type { AddressSettings } from '../core/settings.ts'
import type { HttpExchange } from '../lib/http-server/http-exchange.ts'

/**
 * Lets in whoever calls from an address that the operator lists (`general_settings.allowed_ips`), before a key is looked at.
 * @throws GatewayError `permission_denied` (403), in LiteLLM's words
 */
export function checkAddress(exchange: HttpExchange, settings: AddressSettings | undefined): void {
  if (settings?.allowed === undefined) return
  const address = addressOf(exchange, settings)
  if (settings.allowed.has(address)) return
  const shown = isIP(address) === 0 ? 'unknown' : address
  throw new GatewayError('permission_denied', `Access forbidden: IP address ${shown} not allowed.`, { param: 'None' })
}

/** Where a request comes from; '' when its connection is gone. The last of the forwarded addresses is the one that the proxy in front saw; what stands before it the caller may have made up. */
export function addressOf(exchange: HttpExchange, { readsForwarded }: AddressSettings): string {
  const forwarded = readsForwarded ? lastForwarded(exchange.request.fields) : undefined
  const last = forwarded ?? exchange.remoteAddress
  return last.includes('%') ? last.slice(0, last.indexOf('%')) : last
}

function lastForwarded(fields: readonly string[]): string | undefined {
  for (let index = fields.length - 2; index >= 0; index -= 2) {
    if (fields[index] !== 'x-forwarded-for') continue
    const list = fields[index + 1] ?? ''
    return list.slice(list.lastIndexOf(',') + 1).trim()
  }
  return undefined
}
