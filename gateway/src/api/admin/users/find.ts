import type { StoredRecord } from '../../../core/record.ts'
import type { Reader } from '../permissions.ts'
import { refusal } from '../refusals.ts'

/** Addresses are one in any case, so they are kept and looked for in one. */
export function normalEmail(email: string): string {
  return email.trim().toLowerCase()
}

export async function userOfEmail(reader: Reader, email: string): Promise<StoredRecord | undefined> {
  const normal = normalEmail(email)
  if (normal === '') return undefined
  const { records } = await reader.records({ kind: 'user', where: { email: normal }, limit: 1 })
  return records[0]
}

/** By id if there is one, else by address. */
export async function findUser(
  reader: Reader,
  id: string | null | undefined,
  email: string | null | undefined,
): Promise<StoredRecord | undefined> {
  if (id) return reader.record('user', id)
  return email ? userOfEmail(reader, email) : undefined
}

export function unknownUser(named: string) {
  return refusal(404, `User ${named} not found`, 'not_found_error', 'user_id')
}
