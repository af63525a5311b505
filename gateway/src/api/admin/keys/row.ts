import type { StoredRecord } from '../../../core/record.ts'
import type { JsonObject, JsonValue } from '../../../lib/json.ts'
import { isoTime, objectOf, omit, textOf } from '../body-changes.ts'
import { budgetRow } from '../budgets/row.ts'
import { moneyFields, spentBy } from '../money-fields.ts'
import type { Reader } from '../permissions.ts'
import type { RecordPorts } from '../record-ports.ts'
import { shownBody } from '../secret-places.ts'
import { metadataFields } from '../wire-fields.ts'

/** A key as `/key/info`, `/key/list` and `/key/update` show it, and `token` beside, which not every route shows. */
export interface KeyRow {
  readonly token: string
  readonly row: JsonObject
}

/** Rows of keys, with what they have spent and the budgets they refer to, read in two steps however many there are. */
export async function keyRows(
  ports: Pick<RecordPorts, 'spending' | 'timezone' | 'clock'>,
  reader: Reader,
  keys: readonly StoredRecord[],
): Promise<readonly KeyRow[]> {
  const spentOf = await spentBy(
    ports,
    'api_key',
    keys.map((key) => key.id),
  )
  const budgets = await budgetsOf(reader, keys)
  return keys.map((key) => {
    const budget = budgets.get(textOf(key.body.budget_id) ?? '')
    const money = moneyFields(ports, key.body, spentOf(key.id))
    return {
      token: key.id,
      row: { ...keyRow(key, money), litellm_budget_table: budget === undefined ? null : budgetRow(budget) },
    }
  })
}

export async function budgetsOf(
  reader: Reader,
  records: readonly StoredRecord[],
): Promise<ReadonlyMap<string, StoredRecord>> {
  const ids = [...new Set(records.flatMap((record) => textOf(record.body.budget_id) ?? []))]
  if (ids.length === 0) return new Map()
  const { records: budgets } = await reader.records({ kind: 'budget', where: { id: ids } })
  return new Map(budgets.map((budget) => [budget.id, budget]))
}

function keyRow(key: StoredRecord, money: JsonObject): JsonObject {
  const { body } = key
  return {
    ...shownBody(body),
    ...money,
    ...(key.kind === 'deleted-key' ? { status: 'deleted' } : {}),
    // A regenerated or deleted key has another record, made later than the key.
    created_at: textOf(body.created_at) ?? isoTime(key.createdAt),
    created_by: textOf(body.created_by) ?? key.createdBy,
    updated_at: isoTime(key.updatedAt),
    updated_by: key.updatedBy,
  }
}

/**
 * What `/key/generate` and `/key/regenerate` answer: the row, the request's names that live in `metadata`, and the key itself,
 * here and nowhere else.
 */
export function generatedKey(shown: KeyRow, key: string, duration: JsonValue | undefined): JsonObject {
  const metadata = objectOf(shown.row.metadata)
  const inside = Object.fromEntries(Object.keys(metadataFields).map((name) => [name, metadata[name] ?? null]))
  return {
    ...inside,
    ...omit(shown.row, ['status']),
    duration: duration ?? null,
    key,
    token: shown.token,
    token_id: shown.token,
  }
}
