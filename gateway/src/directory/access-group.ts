import type { Row } from './row.ts'

/** Models that keys and teams get together (contract 3.5, `/v1/access_group`). */
export interface AccessGroup {
  readonly id: string
  readonly models: readonly string[]
}

export function compileAccessGroup(row: Row): AccessGroup {
  return Object.freeze({ id: row.id, models: row.names('access_model_names') })
}
