import type { DialectName } from '../sql.ts'

/** Columns of the table `midflight_ledger` that a row brings, with their type in both databases and in the JSON of a row. */
export const columns = [
  ['id', 'TEXT'],
  ['call_id', 'TEXT'],
  ['day', 'TEXT'],
  ['started_at', 'BIGINT'],
  ['ended_at', 'BIGINT'],
  ['first_content_ms', 'BIGINT'],
  ['key_hash', 'TEXT'],
  ['key_alias', 'TEXT'],
  ['user_id', 'TEXT'],
  ['team_id', 'TEXT'],
  ['organization_id', 'TEXT'],
  ['end_user', 'TEXT'],
  ['requested_model', 'TEXT'],
  ['model_group', 'TEXT'],
  ['deployment', 'TEXT'],
  ['provider', 'TEXT'],
  ['provider_model', 'TEXT'],
  ['api_base', 'TEXT'],
  ['call_type', 'TEXT'],
  ['stream', 'INTEGER'],
  ['status', 'INTEGER'],
  ['error', 'TEXT'],
  ['attempts', 'INTEGER'],
  ['fallbacks', 'INTEGER'],
  ['revision', 'BIGINT'],
  ['price_map', 'TEXT'],
  ['input_tokens', 'BIGINT'],
  ['output_tokens', 'BIGINT'],
  ['cached_tokens', 'BIGINT'],
  ['cache_write_tokens', 'BIGINT'],
  ['reasoning_tokens', 'BIGINT'],
  ['audio_input_tokens', 'BIGINT'],
  ['audio_output_tokens', 'BIGINT'],
  ['estimated', 'INTEGER'],
  ['cost', 'BIGINT'],
  ['breakdown', 'TEXT'],
  ['tags', 'TEXT'],
  ['cache_hit', 'INTEGER'],
  ['client_address', 'TEXT'],
] as const

/**
 * The cell after the columns: whom the call is charged to. Kept in no column; it becomes sums. A column that comes later has its cell
 * behind this one, because rows of this program may still be on disk.
 */
export const chargesCell = 39

export type Column = (typeof columns)[number][0]

export const columnList = columns.map(([name]) => name).join(', ')

/** On PostgreSQL, what selects the rows of $1, a JSON array of arrays in the order of the columns. */
export const rowsOf = `${columns
  .map(([, type], index) => `CAST(value ->> ${index} AS ${type})`)
  .join(', ')} FROM json_array_elements(CAST($1 AS json))`

/**
 * The table and its sums. A row's key is its time and its id: a row that is brought twice has the same of both, and the one index serves
 * pages by time as well. What not every call has is indexed only where it is there.
 */
export function ledgerTables(dialect: DialectName): readonly string[] {
  const withoutRowId = dialect === 'sqlite' ? ' WITHOUT ROWID' : ''
  const required: readonly string[] = ['id', 'started_at']
  const declared = columns.map(([name, type]) => `${name} ${type}${required.includes(name) ? ' NOT NULL' : ''}`)
  return [
    `CREATE TABLE IF NOT EXISTS midflight_ledger (${declared.join(', ')}, PRIMARY KEY (started_at, id))`,
    'CREATE INDEX IF NOT EXISTS midflight_ledger_key ON midflight_ledger (key_hash, started_at)',
    `CREATE INDEX IF NOT EXISTS midflight_ledger_team ON midflight_ledger (team_id, started_at) WHERE team_id <> ''`,
    `CREATE INDEX IF NOT EXISTS midflight_ledger_user ON midflight_ledger (user_id, started_at) WHERE user_id <> ''`,
    'CREATE INDEX IF NOT EXISTS midflight_ledger_call ON midflight_ledger (call_id)',
    `CREATE TABLE IF NOT EXISTS midflight_ledger_daily (
    scope TEXT NOT NULL, holder TEXT NOT NULL, day TEXT NOT NULL, key_hash TEXT NOT NULL, model_group TEXT NOT NULL,
    provider TEXT NOT NULL, provider_model TEXT NOT NULL,
    calls BIGINT NOT NULL, failed BIGINT NOT NULL, input_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL, cache_write_tokens BIGINT NOT NULL, cost BIGINT NOT NULL, uncosted BIGINT NOT NULL,
    PRIMARY KEY (scope, holder, day, key_hash, model_group, provider, provider_model))${withoutRowId}`,
    'CREATE INDEX IF NOT EXISTS midflight_ledger_daily_day ON midflight_ledger_daily (scope, day)',
  ]
}
