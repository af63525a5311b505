import type { Snapshot } from '../../config/snapshot.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../route.ts'

/** The snapshot the request started with. @throws GatewayError `not_ready` */
export function snapshotOf({ snapshot }: Pick<Exchange, 'snapshot'>): Snapshot {
  if (snapshot !== undefined) return snapshot
  throw new GatewayError('not_ready', 'No configuration has been accepted yet; GET /config/status tells why.')
}
