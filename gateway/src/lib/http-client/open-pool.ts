import type { UpstreamPool } from '../http-client.ts'
import { ConnectionPool } from './connection-pool.ts'

export function openPool(origin: string): UpstreamPool {
  return new ConnectionPool(origin)
}
