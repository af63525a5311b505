import type { DialectName } from './sql.ts'

/** Everything in which the SQL of the two databases differs. */
export interface Dialect {
  /** Type of text columns: ordered by code point in both. */
  readonly text: string
  /** Unix milliseconds by the database's clock. */
  readonly now: string
  /** Whether the column's value is in the JSON list of strings that the placeholder stands for. */
  isAmong(column: string, placeholder: string): string
}

export const dialects: Readonly<Record<DialectName, Dialect>> = {
  sqlite: {
    text: 'TEXT',
    now: `CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)`,
    isAmong: (column, placeholder) => `${column} IN (SELECT value FROM json_each(${placeholder}))`,
  },
  postgres: {
    text: 'TEXT COLLATE "C"',
    now: 'CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)',
    isAmong: (column, placeholder) =>
      `${column} = ANY (ARRAY(SELECT json_array_elements_text(CAST(${placeholder} AS json))))`,
  },
}
