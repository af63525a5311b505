import type { LedgerScope } from '../../core/ledger.ts'
import type { DialectName } from '../sql.ts'
import { columnList, columns, rowsOf } from './columns.ts'
import { grainsOf, storedScope } from './grains.ts'

/** What a row `r` adds to `midflight_ledger_daily`. A cost that is unknown adds nothing and is counted. */
const measures = {
  calls: '1',
  failed: 'CASE WHEN r.status >= 400 THEN 1 ELSE 0 END',
  input_tokens: 'COALESCE(r.input_tokens, 0)',
  output_tokens: 'COALESCE(r.output_tokens, 0)',
  cached_tokens: 'COALESCE(r.cached_tokens, 0)',
  cache_write_tokens: 'COALESCE(r.cache_write_tokens, 0)',
  cost: 'COALESCE(r.cost, 0)',
  uncosted: 'CASE WHEN r.cost IS NULL THEN 1 ELSE 0 END',
}

const names = Object.keys(measures)
const sumsOfRows = Object.entries(measures).map(([name, value]) => `SUM(${value}) AS ${name}`)
const sumsOfGroups = names.map((name) => `SUM(g.${name})`)

const onConflict = `ON CONFLICT (scope, holder, day, key_hash, model_group, provider, provider_model) DO UPDATE SET ${names
  .map((name) => `${name} = midflight_ledger_daily.${name} + excluded.${name}`)
  .join(', ')}`

/** Rows that agree in all of these are added up first, once for every scope. */
const apart =
  'r.day, r.key_hash, r.user_id, r.team_id, r.organization_id, r.end_user, r.model_group, r.provider, r.provider_model'

/** Scopes in their grains, as the rows of a table: what is stored, whose it is, and what it keeps apart. */
function scopesTable(scopes: readonly LedgerScope[]): string {
  const rows = scopes.flatMap((scope) =>
    grainsOf(scope).map((grain) => {
      const flags = [grain === 'key', grain !== 'day'].map((yes) => (yes ? 1 : 0))
      return `('${storedScope(scope, grain)}', '${scope}', ${flags.join(', ')})`
    }),
  )
  return `scopes(scope, who, keyed, modelled) AS (VALUES ${rows.join(', ')})`
}

const holder = `CASE s.who WHEN 'all' THEN '' WHEN 'key' THEN g.key_hash WHEN 'user' THEN g.user_id
  WHEN 'team' THEN g.team_id WHEN 'organization' THEN g.organization_id ELSE g.end_user END`

const cells = `CASE s.keyed WHEN 1 THEN g.key_hash ELSE '' END, CASE s.modelled WHEN 1 THEN g.model_group ELSE '' END,
  CASE s.modelled WHEN 1 THEN g.provider ELSE '' END, CASE s.modelled WHEN 1 THEN g.provider_model ELSE '' END`

/** @param rows a table `r` of calls that are new @returns what adds them to the sums of everybody but tags */
function sums(rows: string): { readonly with: string; readonly insert: string } {
  const groups = `g AS MATERIALIZED (SELECT ${[apart, ...sumsOfRows].join(', ')} FROM ${rows} GROUP BY ${apart})`
  return {
    with: `${scopesTable(['all', 'key', 'user', 'team', 'organization', 'end-user'])}, ${groups}`,
    insert: `SELECT s.scope, ${holder}, g.day, ${cells}, ${sumsOfGroups.join(', ')} FROM g CROSS JOIN scopes AS s
      WHERE s.who = 'all' OR ${holder} <> '' GROUP BY 1, 2, 3, 4, 5, 6, 7 ${onConflict}`,
  }
}

/** The same for tags: a call counts for each of its own. */
function tagSums(rows: string, dialect: DialectName): { readonly with: string; readonly insert: string } {
  const [list, tag] =
    dialect === 'postgres'
      ? ['json_array_elements_text(CAST(r.tags AS json)) AS t(tag)', 't.tag']
      : ['json_each(r.tags) AS t', 't.value']
  return {
    with: `tag_${scopesTable(['tag'])}, tagged AS MATERIALIZED (SELECT ${tag} AS tag, ${apart}, ${sumsOfRows.join(', ')}
      FROM ${rows} CROSS JOIN ${list} WHERE r.tags IS NOT NULL GROUP BY ${tag}, ${apart})`,
    insert: `SELECT s.scope, g.tag, g.day, ${cells}, ${sumsOfGroups.join(', ')} FROM tagged AS g CROSS JOIN tag_scopes AS s
      WHERE true GROUP BY 1, 2, 3, 4, 5, 6, 7 ${onConflict}`,
  }
}

const insertRows = `INSERT INTO midflight_ledger (${columnList}) SELECT ${rowsOf} ON CONFLICT (started_at, id) DO NOTHING`

/**
 * Keeps a batch ($1, see `rowsOf`) on PostgreSQL: the rows, and the sums of those that are new. In one statement, because what is new is
 * known only to the one that inserts it.
 */
export function appendOnPostgres(): string {
  const ofAll = sums('fresh AS r')
  const ofTags = tagSums('fresh AS r', 'postgres')
  return `WITH fresh AS (${insertRows} RETURNING *), ${ofAll.with}, ${ofTags.with},
    added AS (INSERT INTO midflight_ledger_daily ${ofAll.insert})
    INSERT INTO midflight_ledger_daily ${ofTags.insert}`
}

/**
 * The same on SQLite, where only one writes at a time: what is new has a greater row number than all before. They are read back from
 * the last pages of the table.
 */
export const appendOnSqlite = {
  last: 'SELECT COALESCE(MAX(rowid), 0) AS last FROM midflight_ledger',
  /** For each row. SQLite's own reading of JSON costs 0.2 µs a value, twice as much as parsing it and binding the values. */
  row: `INSERT INTO midflight_ledger (${columnList}) VALUES (${columns.map((_, index) => `$${index + 1}`).join(', ')})
    ON CONFLICT (started_at, id) DO NOTHING`,
  /** With `$1` for `last`. */
  sums: [
    sums('midflight_ledger AS r WHERE r.rowid > $1'),
    tagSums('(SELECT * FROM midflight_ledger WHERE rowid > $1) AS r', 'sqlite'),
  ].map((part) => `WITH ${part.with} INSERT INTO midflight_ledger_daily ${part.insert}`),
}
