import { Buffer } from 'node:buffer'
import type { ClientConfig, CustomTypesConfig } from 'pg'
import type { Address } from './url.ts'

/** Everything rejects within 2 s: so long for a connection, then so long for an answer. */
export const connectMs = 1_500
export const answerMs = 2_000
/** Of what reads much. That the database is away is noticed by others before. */
export const largeAnswerMs = 15_000

/** Object identifiers of PostgreSQL's built-in types. */
const wholeNumbers: readonly number[] = [20 /* int8 */, 21 /* int2 */, 23 /* int4 */]

function wholeNumber(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new RangeError(`${text} is beyond the safe integers; read it with CAST(… AS TEXT)`)
}

const bytea = 17

function bytes(text: string): Buffer {
  return text.startsWith('\\x') ? Buffer.from(text.slice('\\x'.length), 'hex') : escaped(text)
}

/** As a database whose `bytea_output` is `escape` writes them: a backslash is two, and what is not ASCII is three octal digits behind one. */
function escaped(text: string): Buffer {
  const plain = text.replace(/\\(\\|[0-7]{3})/g, (_, code: string) =>
    code === '\\' ? code : String.fromCharCode(Number.parseInt(code, 8)),
  )
  return Buffer.from(plain, 'latin1')
}

const types: CustomTypesConfig = {
  getTypeParser(oid: number) {
    if (oid === bytea) return bytes
    return wholeNumbers.includes(oid) ? wholeNumber : (text: string) => text
  },
}

/** No startup parameters but the name: connection poolers refuse the others. */
export function connectionConfig({ config }: Address): ClientConfig {
  return {
    ...config,
    types,
    connectionTimeoutMillis: connectMs,
    query_timeout: answerMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'midflight',
  }
}
