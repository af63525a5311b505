import type { DialectName } from '../sql.ts'
import { columnList, rowsOf } from './columns.ts'

/** Sums of calls, as `ledger_daily` keeps them, over the rows `r`. A cost that is unknown adds nothing and is counted. */
const sums = `
  COUNT(*), SUM(CASE WHEN r.status >= 400 THEN 1 ELSE 0 END),
  SUM(COALESCE(r.input_tokens, 0)), SUM(COALESCE(r.output_tokens, 0)),
  SUM(COALESCE(r.cached_tokens, 0)), SUM(COALESCE(r.cache_write_tokens, 0)),
  SUM(COALESCE(r.cost, 0)), SUM(CASE WHEN r.cost IS NULL THEN 1 ELSE 0 END)`

const onConflict = `
  ON CONFLICT (scope, holder, day, key_hash, model_group, provider, provider_model) DO UPDATE SET ${[
    'calls',
    'failed',
    'input_tokens',
    'output_tokens',
    'cached_tokens',
    'cache_write_tokens',
    'cost',
    'uncosted',
  ]
    .map((name) => `${name} = ledger_daily.${name} + excluded.${name}`)
    .join(', ')}`

/** `all` keeps keys together: a page over everybody must not read a row for each key. */
const scopes = `(SELECT 'all' AS scope UNION ALL SELECT 'key' UNION ALL SELECT 'user' UNION ALL SELECT 'team'
  UNION ALL SELECT 'organization' UNION ALL SELECT 'end-user') AS s`

const holder = `CASE s.scope WHEN 'all' THEN '' WHEN 'key' THEN r.key_hash WHEN 'user' THEN r.user_id
  WHEN 'team' THEN r.team_id WHEN 'organization' THEN r.organization_id ELSE r.end_user END`

const key = `CASE s.scope WHEN 'all' THEN '' ELSE r.key_hash END`

const isNew = 'NOT EXISTS (SELECT 1 FROM ledger AS known WHERE known.id = r.id)'

/**
 * What keeps a batch of rows ($1, see `rowsOf`): sums of those that are new, then the rows. To be run in one transaction in which
 * no other batch is kept, else a row delivered twice at once would be summed twice.
 */
export function appendStatements(dialect: DialectName): readonly string[] {
  const rows = rowsOf(dialect)
  const tags = dialect === 'postgres' ? 'json_array_elements_text(r.tags::json) AS t(tag)' : 'json_each(r.tags) AS t'
  const tag = dialect === 'postgres' ? 't.tag' : 't.value'
  return [
    `INSERT INTO ledger_daily
     SELECT s.scope, ${holder}, r.day, ${key}, r.model_group, r.provider, r.provider_model, ${sums}
     FROM ${rows} CROSS JOIN ${scopes}
     WHERE ${isNew} AND (s.scope = 'all' OR ${holder} <> '')
     GROUP BY 1, 2, 3, 4, 5, 6, 7 ${onConflict}`,
    `INSERT INTO ledger_daily
     SELECT 'tag', ${tag}, r.day, r.key_hash, r.model_group, r.provider, r.provider_model, ${sums}
     FROM ${rows} CROSS JOIN ${tags}
     WHERE r.tags IS NOT NULL AND ${isNew}
     GROUP BY 1, 2, 3, 4, 5, 6, 7 ${onConflict}`,
    `INSERT INTO ledger (${columnList}) SELECT ${columnList} FROM ${rows} WHERE true ON CONFLICT (id) DO NOTHING`,
  ]
}
