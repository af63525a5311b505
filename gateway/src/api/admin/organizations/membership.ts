import { memberId, type StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import { detailed } from '../refusals.ts'

/** @throws GatewayError (404) for an organization that is not there */
export async function joinOrganization(
  transaction: Transaction,
  organization: string,
  user: string,
  role: string,
  budget: string | null = null,
): Promise<StoredRecord> {
  if ((await transaction.record('organization', organization)) === undefined) {
    throw detailed(404, `Organization not found for organization_id=${organization}`)
  }
  return transaction.putRecord('organization-member', memberId(organization, user), {
    organization_id: organization,
    user_id: user,
    user_role: role,
    budget_id: budget,
  })
}
