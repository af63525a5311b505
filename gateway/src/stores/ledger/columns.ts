import type { DialectName } from '../sql.ts'

/** Columns of the table `ledger` that a row brings, with their type in both databases and in the JSON of a row. */
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

export type Column = (typeof columns)[number][0]

export const columnList = columns.map(([name]) => name).join(', ')

/**
 * The rows of $1, a JSON array of arrays in the order of the columns, as a table `r`. On SQLite they are staged first: read out of the
 * text for each statement they cost five times as much (measured: 40 µs a row, staged from its binary form 8).
 */
export function rowsOf(dialect: DialectName): string {
  if (dialect === 'sqlite') return 'ledger_staged AS r'
  const fields = columns.map(([name, type], index) => `CAST(v.value ->> ${index} AS ${type}) AS ${name}`).join(', ')
  return `(SELECT ${fields} FROM json_array_elements(CAST($1 AS json)) AS v) AS r`
}

/** On SQLite, before the rows are used. The table is the connection's own. */
export const staging = {
  create: `CREATE TEMP TABLE IF NOT EXISTS ledger_staged (${columns.map(([name, type]) => `${name} ${type}`).join(', ')})`,
  fill: `INSERT INTO ledger_staged SELECT ${columns.map((_, index) => `value ->> ${index}`).join(', ')} FROM jsonb_each(jsonb($1))`,
  clear: 'DELETE FROM ledger_staged',
}

/** The table and its sums. Both databases take these words. */
export const ledgerTables = [
  `CREATE TABLE IF NOT EXISTS ledger (${columns
    .map(([name, type]) => `${name} ${type}${name === 'id' ? ' PRIMARY KEY' : ''}`)
    .join(', ')})`,
  'CREATE INDEX IF NOT EXISTS ledger_started ON ledger (started_at)',
  'CREATE INDEX IF NOT EXISTS ledger_key ON ledger (key_hash, started_at)',
  'CREATE INDEX IF NOT EXISTS ledger_team ON ledger (team_id, started_at)',
  'CREATE INDEX IF NOT EXISTS ledger_user ON ledger (user_id, started_at)',
  'CREATE INDEX IF NOT EXISTS ledger_call ON ledger (call_id)',
  `CREATE TABLE IF NOT EXISTS ledger_daily (
    scope TEXT NOT NULL, holder TEXT NOT NULL, day TEXT NOT NULL, key_hash TEXT NOT NULL, model_group TEXT NOT NULL,
    provider TEXT NOT NULL, provider_model TEXT NOT NULL,
    calls BIGINT NOT NULL, failed BIGINT NOT NULL, input_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL, cache_write_tokens BIGINT NOT NULL, cost BIGINT NOT NULL, uncosted BIGINT NOT NULL,
    PRIMARY KEY (scope, holder, day, key_hash, model_group, provider, provider_model))`,
  'CREATE INDEX IF NOT EXISTS ledger_daily_day ON ledger_daily (scope, day)',
]
