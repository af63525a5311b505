import type { DialectName } from './sql.ts'

/** Everything in which the SQL of the two databases differs. */
export interface Dialect {
  /** Type of text columns: ordered by code point in both. */
  readonly text: string
  /** Type of columns of bytes. */
  readonly bytes: string
  /** Unix milliseconds by the database's clock. */
  readonly now: string
  /** Whether the column's text matches a pattern of lower-case letters, whatever the case of its ASCII letters. */
  matches(column: string, pattern: string): string
  /** After the name of a table: the index to read it by, where the database would not choose it by itself. */
  by(index: string): string
  /** Whether the column's value is in the JSON list of strings that the placeholder stands for. */
  isAmong(column: string, placeholder: string): string
}

export const dialects: Readonly<Record<DialectName, Dialect>> = {
  sqlite: {
    text: 'TEXT',
    bytes: 'BLOB',
    now: `CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)`,
    // LIKE ignores the case of ASCII letters by itself.
    matches: (column, pattern) => `${column} LIKE ${pattern} ESCAPE '\\'`,
    by: (index) => ` INDEXED BY ${index}`,
    isAmong: (column, placeholder) => `${column} IN (SELECT value FROM json_each(${placeholder}))`,
  },
  postgres: {
    text: 'TEXT COLLATE "C"',
    bytes: 'BYTEA',
    now: 'CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)',
    matches: (column, pattern) => `LOWER(${column}) LIKE ${pattern} ESCAPE '\\'`,
    by: () => '',
    isAmong: (column, placeholder) =>
      `${column} = ANY (ARRAY(SELECT json_array_elements_text(CAST(${placeholder} AS json))))`,
  },
}
