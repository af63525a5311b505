import { pgPackage } from '../../lib/late-package.ts'
import { DatabaseFailure } from '../driver.ts'

/** Names of the conditions of SQLSTATE by what they mean for a statement that met them (PostgreSQL's manual, appendix A). */
const kinds: readonly (readonly [pattern: RegExp, kind: DatabaseFailure['kind']])[] = [
  // serialization_failure, deadlock_detected
  [/^40(001|P01)$/, 'conflict'],
  // lock_not_available, query_canceled (a timeout), insufficient resources but for too_many_connections
  [/^(55P03|57014|53[124]00|53000)$/, 'busy'],
  // connection exceptions, too_many_connections, shutdown and crash, idle session ended
  [/^(08|53300|57P0|25P03)/, 'away'],
  // read_only_sql_transaction: this is a standby now; the primary answers under the same name, on a new connection
  [/^25006$/, 'away'],
  // invalid authorization, invalid catalog name: wrong at start, or changed meanwhile
  [/^(28|3D)/, 'away'],
  // system error, e.g. the disk
  [/^58/, 'away'],
]

/** Sorts an error that `pg` rejected with: one that the statement itself is to blame for is answered as it is. */
export function failureOf(error: unknown): unknown {
  if (error instanceof DatabaseFailure || !(error instanceof Error)) return error
  if (error instanceof pgPackage().DatabaseError) {
    const code = error.code ?? ''
    // Poolers end a connection with the code for a protocol violation; a wrong statement gets the same, and goes on.
    const found = kinds.find(([pattern]) => pattern.test(code))?.[1]
    const kind = code === '08P01' && error.severity !== 'FATAL' ? undefined : found
    return kind === undefined ? error : new DatabaseFailure(kind, `${error.message} (${code})`, { cause: error })
  }
  if (isOfConnection(error)) return new DatabaseFailure('away', messageOf(error), { cause: error })
  return error
}

/** Node's socket errors have a code; those that `pg` throws itself have only their text. */
function isOfConnection(error: Error): boolean {
  if ('code' in error && typeof error.code === 'string') return true
  return /timeout|terminated|not queryable|SSL|server does not|closed|ended|Connection|SASL|password/i.test(
    error.message,
  )
}

/** `AggregateError` of several tried addresses has no message of its own. */
function messageOf(error: Error): string {
  if (error.message !== '') return error.message
  if (error instanceof AggregateError) return error.errors.map(String).join('; ')
  return 'code' in error ? String(error.code) : error.name
}
