import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { GatewayError } from '../core/errors.ts'
import type { AddressSettings } from '../core/settings.ts'

/**
 * Lets in whoever calls from an address that the operator lists (`general_settings.allowed_ips`), before a key is looked at.
 * @throws GatewayError `permission_denied` (403), in LiteLLM's words
 */
export function checkAddress(request: IncomingMessage, settings: AddressSettings | undefined): void {
  if (settings?.allowed === undefined) return
  const address = addressOf(request, settings)
  if (settings.allowed.has(address)) return
  const shown = isIP(address) === 0 ? 'unknown' : address
  throw new GatewayError('permission_denied', `Access forbidden: IP address ${shown} not allowed.`, { param: 'None' })
}

/** Where a request comes from; '' when its connection is gone. The last of the forwarded addresses is the one that the proxy in front saw; what stands before it the caller may have made up. */
export function addressOf(request: IncomingMessage, { readsForwarded }: AddressSettings): string {
  const forwarded = readsForwarded ? request.headers['x-forwarded-for'] : undefined
  const last = forwarded === undefined ? (request.socket.remoteAddress ?? '') : lastOf([forwarded].flat().join(','))
  return last.includes('%') ? last.slice(0, last.indexOf('%')) : last
}

function lastOf(list: string): string {
  return list.slice(list.lastIndexOf(',') + 1).trim()
}
