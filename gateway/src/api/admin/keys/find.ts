import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { Reader } from '../permissions.ts'
import { refusal, wrapped } from '../refusals.ts'
import { aliasTaken } from './body.ts'
import { isKeyOrHash, tokenOfEither } from './token.ts'

/** A key by itself, its hash, or its alias. */
export async function findKey(reader: Reader, named: string): Promise<StoredRecord | undefined> {
  if (isKeyOrHash(named)) {
    const found = await reader.record('key', tokenOfEither(named))
    // An alias may look like anything.
    if (found !== undefined) return found
  }
  return named === '' ? undefined : keyOfAlias(reader, named)
}

export async function keyOfAlias(reader: Reader, alias: string): Promise<StoredRecord | undefined> {
  const { records } = await reader.records({ kind: 'key', where: { alias }, limit: 1 })
  return records[0]
}

/** @throws GatewayError (404) */
export async function knownKey(reader: Reader, named: string): Promise<StoredRecord> {
  const found = await findKey(reader, named)
  if (found === undefined) throw refusal(404, 'Key not found in database', 'not_found_error', 'key')
  return found
}

/**
 * Nobody but this key may have the alias. Changes follow one another, so of two that come together the second one sees the first.
 * @throws GatewayError (400)
 */
export async function claimAlias(transaction: Transaction, alias: unknown, token: string): Promise<void> {
  if (typeof alias !== 'string' || alias === '') return
  const { records } = await transaction.records({ kind: 'key', where: { alias }, limit: 2 })
  if (records.some((record) => record.id !== token)) throw aliasTaken(alias)
}

/** @throws GatewayError (400, 404) for an id that names nothing */
export async function checkReferences(
  transaction: Transaction,
  body: { readonly [name: string]: unknown },
): Promise<void> {
  const { budget_id: budget, organization_id: organization, project_id: project } = body
  if (typeof budget === 'string' && budget !== '' && (await transaction.record('budget', budget)) === undefined) {
    throw wrapped(400, `Budget not found, passed budget_id=${budget}`)
  }
  if (
    typeof organization === 'string' &&
    organization !== '' &&
    (await transaction.record('organization', organization)) === undefined
  ) {
    throw wrapped(404, `Organization not found, passed organization_id=${organization}`)
  }
  if (typeof project === 'string' && project !== '' && (await transaction.record('project', project)) === undefined) {
    throw wrapped(404, `Project not found, passed project_id=${project}`)
  }
}

/** @throws GatewayError (404) */
export async function knownTeam(reader: Reader, id: string): Promise<StoredRecord> {
  const team = await reader.record('team', id)
  if (team !== undefined) return team
  throw wrapped(404, `Team not found, passed team_id=${id}`)
}
