import { dialects } from '../dialect.ts'
import type { DialectName } from '../sql.ts'

/**
 * Rows are kept by the thousand in compressed blocks (decision 19), with what finds them: their times, and fingerprints of whose they are.
 * Sums are kept by day.
 */
export function ledgerTables(dialect: DialectName): readonly string[] {
  const { bytes, text } = dialects[dialect]
  const withoutRowId = dialect === 'sqlite' ? ' WITHOUT ROWID' : ''
  return [
    // Of each process that ever wrote: up to which of its blocks all are kept. `''`: how often blocks were merged.
    `CREATE TABLE IF NOT EXISTS midflight_ledger_writer (
      writer ${text} PRIMARY KEY, number BIGINT NOT NULL, updated_at BIGINT NOT NULL)`,
    `CREATE TABLE IF NOT EXISTS midflight_ledger_block (
      id ${text} PRIMARY KEY, first_at BIGINT NOT NULL, last_at BIGINT NOT NULL, calls BIGINT NOT NULL,
      holders ${bytes} NOT NULL, call_ids ${bytes} NOT NULL, body ${bytes} NOT NULL)`,
    'CREATE INDEX IF NOT EXISTS midflight_ledger_block_last ON midflight_ledger_block (last_at, id, first_at, calls)',
    'CREATE INDEX IF NOT EXISTS midflight_ledger_block_first ON midflight_ledger_block (first_at, id, last_at, calls)',
    // It is compressed already.
    ...(dialect === 'postgres' ? ['ALTER TABLE midflight_ledger_block ALTER COLUMN body SET STORAGE EXTERNAL'] : []),
    // By day first: what is written is today's, which then lies together, and so do the days of a report.
    `CREATE TABLE IF NOT EXISTS midflight_ledger_daily (
      scope TEXT NOT NULL, holder TEXT NOT NULL, day TEXT NOT NULL, key_hash TEXT NOT NULL, model_group TEXT NOT NULL,
      provider TEXT NOT NULL, provider_model TEXT NOT NULL,
      calls BIGINT NOT NULL, failed BIGINT NOT NULL, input_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL,
      cached_tokens BIGINT NOT NULL, cache_write_tokens BIGINT NOT NULL, cost BIGINT NOT NULL, uncosted BIGINT NOT NULL,
      PRIMARY KEY (scope, day, holder, key_hash, model_group, provider, provider_model))${withoutRowId}`,
    'CREATE INDEX IF NOT EXISTS midflight_ledger_daily_holder ON midflight_ledger_daily (scope, holder, day)',
  ]
}
