import { z } from 'zod'
import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { clearedOf, isoTime, namesOf, present, textOf, withChanges } from '../body-changes.ts'
import { tokenOfEither } from '../keys/token.ts'
import type { RecordPorts } from '../record-ports.ts'
import { plainDetail } from '../refusals.ts'
import { names, text } from '../wire-fields.ts'

/** Sets of models that are given to keys and teams together (contract 3.5). LiteLLM has the routes under two names. */

const tag = 'access group management'
const readers = ['proxy_admin', 'proxy_admin_viewer'] as const

const fields = {
  description: text,
  access_model_names: names,
  access_mcp_server_ids: names,
  access_agent_ids: names,
  assigned_team_ids: names,
  assigned_key_ids: names,
}
const createBody = z.object({ access_group_name: z.string().min(1), ...fields })
const updateBody = z.object({ access_group_name: z.string().min(1).nullish(), ...fields })

const emptyGroup = {
  description: null,
  access_model_names: [],
  access_mcp_server_ids: [],
  access_agent_ids: [],
  assigned_team_ids: [],
  assigned_key_ids: [],
}
const clearedGroup = clearedOf(emptyGroup)

export function accessGroupRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return ['/v1/access_group', '/v1/unified_access_group'].flatMap((path) => [
    adminRoute({
      method: 'POST',
      path,
      summary: 'Makes an access group and gives it to keys and teams',
      tag,
      roles: ['proxy_admin'],
      body: createBody,
      async handle(call) {
        const id = ports.newId()
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          await claimName(transaction, call.body.access_group_name, id)
          return putGroup(transaction, id, undefined, present(call.body))
        })
        return changeReply(call.change, outcome, await groupRow(ports, outcome.result), 201)
      },
    }),
    adminRoute({
      method: 'GET',
      path,
      summary: 'Lists the access groups',
      tag,
      roles: readers,
      async handle() {
        const { records } = await ports.store.records({
          kind: 'access-group',
          sort: { by: 'created_at', descending: true },
        })
        return { body: await Promise.all(records.map((group) => groupRow(ports, group))) }
      },
    }),
    adminRoute({
      method: 'GET',
      path: `${path}/{access_group_id}`,
      summary: 'Shows an access group',
      tag,
      roles: readers,
      async handle({ pathParameter }) {
        const group = await ports.store.record('access-group', pathParameter)
        if (group === undefined) throw unknown(pathParameter)
        return { body: await groupRow(ports, group) }
      },
    }),
    adminRoute({
      method: 'PUT',
      path: `${path}/{access_group_id}`,
      summary: 'Changes an access group; only what is sent counts',
      tag,
      roles: ['proxy_admin'],
      body: updateBody,
      async handle(call) {
        const id = call.pathParameter
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          const before = await transaction.record('access-group', id)
          if (before === undefined) throw unknown(id)
          const { access_group_name: name } = call.body
          if (name) await claimName(transaction, name, id)
          return putGroup(transaction, id, before, present({ ...call.body, access_group_name: name ?? undefined }))
        })
        return changeReply(call.change, outcome, await groupRow(ports, outcome.result))
      },
    }),
    adminRoute({
      method: 'DELETE',
      path: `${path}/{access_group_id}`,
      summary: 'Takes an access group from everybody; answered when no replica grants it any more',
      tag,
      roles: ['proxy_admin'],
      async handle(call) {
        const id = call.pathParameter
        const outcome = await ports.changes.records({ ...call.change, revocation: true }, async (transaction) => {
          const before = await transaction.record('access-group', id)
          if (before === undefined) throw unknown(id)
          await assign(transaction, id, before, { assigned_team_ids: [], assigned_key_ids: [] })
          await transaction.deleteRecord('access-group', id)
        })
        return changeReply(call.change, outcome, null, 204)
      },
    }),
  ])
}

/** @throws GatewayError (400, 409) */
async function putGroup(
  transaction: Transaction,
  id: string,
  before: StoredRecord | undefined,
  sent: JsonObject,
): Promise<StoredRecord> {
  const tokens = sent.assigned_key_ids === undefined ? undefined : namesOf(sent.assigned_key_ids).map(tokenOfEither)
  const body = {
    ...withChanges(before?.body ?? emptyGroup, sent, clearedGroup),
    ...(tokens === undefined ? {} : { assigned_key_ids: [...new Set(tokens)] }),
    access_group_id: id,
  }
  await assign(transaction, id, before, body)
  return transaction.putRecord('access-group', id, body)
}

/** Keys and teams name their groups and groups name them; both sides are written in one change. */
async function assign(
  transaction: Transaction,
  id: string,
  before: StoredRecord | undefined,
  after: JsonObject,
): Promise<void> {
  for (const [kind, field] of [
    ['team', 'assigned_team_ids'],
    ['key', 'assigned_key_ids'],
  ] as const) {
    const had = namesOf(before?.body[field])
    const has = namesOf(after[field])
    const missing: string[] = []
    for (const holder of new Set([...had, ...has])) {
      if (had.includes(holder) && has.includes(holder)) continue
      const record = await transaction.record(kind, holder)
      if (record === undefined) {
        if (has.includes(holder)) missing.push(holder)
        continue
      }
      const others = namesOf(record.body.access_group_ids).filter((group) => group !== id)
      const groups = has.includes(holder) ? [...others, id] : others
      await transaction.putRecord(kind, holder, { ...record.body, access_group_ids: groups })
    }
    if (missing.length > 0) throw plainDetail(400, `Unknown ${kind} ids: ${missing.sort().join(', ')}`)
  }
}

async function claimName(transaction: Transaction, name: string, id: string): Promise<void> {
  const { records } = await transaction.records({ kind: 'access-group', where: { alias: name }, limit: 2 })
  if (records.some((group) => group.id !== id)) throw plainDetail(409, `Access group '${name}' already exists`)
}

async function groupRow(ports: RecordPorts, group: StoredRecord): Promise<JsonObject> {
  const teamIds = namesOf(group.body.assigned_team_ids)
  const tokens = namesOf(group.body.assigned_key_ids)
  const aliases = async (kind: 'team' | 'key', ids: readonly string[], field: string) => {
    const { records } = ids.length === 0 ? { records: [] } : await ports.store.records({ kind, where: { id: ids } })
    const byId = new Map(records.map((record) => [record.id, textOf(record.body[field]) ?? null]))
    return ids.map((id) => ({ id, name: byId.get(id) ?? null }))
  }
  return {
    ...emptyGroup,
    ...group.body,
    access_group_id: group.id,
    access_mcp_servers: namesOf(group.body.access_mcp_server_ids).map((id) => ({ id, name: null })),
    access_agents: namesOf(group.body.access_agent_ids).map((id) => ({ id, name: null })),
    assigned_teams: await aliases('team', teamIds, 'team_alias'),
    assigned_keys: await aliases('key', tokens, 'key_alias'),
    created_at: isoTime(group.createdAt),
    created_by: group.createdBy,
    updated_at: isoTime(group.updatedAt),
    updated_by: group.updatedBy,
  }
}

function unknown(id: string) {
  return plainDetail(404, `Access group '${id}' not found`)
}
