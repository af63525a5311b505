import { randomUUID } from 'node:crypto'
import type { Snapshot } from '../../../config/snapshot.ts'
import type { Edited, ResourceDraft } from '../../../core/changes.ts'
import type { Role } from '../../../core/role.ts'
import type { StoredResource } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { type AdminCall, type AdminReply, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import type { AdminParts } from '../parts.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { storesModels } from '../stored-models.ts'
import { create, edit, remove, storedModel } from './edit.ts'
import * as refuse from './refusals.ts'
import { modelRow } from './row.ts'
import { modelById, modelByModelId, modelRowReply, newModel, partialModel } from './schema.ts'
import { permitModel, teamOf } from './teams.ts'

/** Team admins may change their team's models; whose model it is decides the handler. */
const changers: readonly Role[] = ['proxy_admin', 'org_admin', 'internal_user']
const tag = 'model management'

export function modelWriteRoutes(parts: AdminParts): readonly DeclaredRoute[] {
  const { changes, store, environment } = parts

  const requireStore = (snapshot: Snapshot | undefined, refusal: () => Error): void => {
    if (!storesModels(snapshot, environment)) throw refusal()
  }

  /** One change of one stored deployment. @param missing the refusal for a deployment that the store does not have */
  async function change(
    call: Pick<AdminCall<unknown, unknown>, 'change' | 'principal' | 'exchange'>,
    id: string,
    missing: (draft: ResourceDraft) => Error,
    work: (draft: ResourceDraft, stored: StoredResource) => Edited<JsonObject>,
  ): Promise<AdminReply> {
    const outcome = await changes.resources(call.change, async (draft) => {
      const stored = storedModel(draft, id)
      if (stored === undefined) throw missing(draft)
      await permitModel(store, call.principal, teamOf(stored.spec))
      return work(draft, stored)
    })
    return changeReply(call.change, outcome, outcome.result)
  }

  return [
    adminRoute({
      method: 'POST',
      path: '/model/new',
      summary: 'Adds a deployment; it serves on every replica when the answer is there',
      tag,
      roles: changers,
      body: newModel,
      reply: modelRowReply,
      async handle({ body, sent, principal, change: options, exchange }) {
        requireStore(exchange.snapshot, refuse.storeOff)
        await permitModel(store, principal, body.model_info?.team_id || undefined)
        const id = body.model_info?.id ?? randomUUID()
        const outcome = await changes.resources(options, (draft) => create(draft, id, sent, randomUUID))
        return changeReply(options, outcome, outcome.result)
      },
    }),
    adminRoute({
      method: 'PATCH',
      path: '/model/{model_id}/update',
      summary: 'Changes what is sent of a deployment; a new name is written into every allow-list that has the old one',
      tag,
      roles: changers,
      body: partialModel,
      reply: modelRowReply,
      handle(call) {
        const { pathParameter: id, sent, principal, exchange } = call
        requireStore(exchange.snapshot, refuse.patchStoreOff)
        if (sent.blocked !== undefined && sent.blocked !== null && principal.role !== 'proxy_admin') {
          throw refuse.blockedByAdminOnly()
        }
        const missing = (draft: ResourceDraft) =>
          draft.declared('deployment', id) === undefined ? refuse.patchUnknown(id) : refuse.patchConfigModel()
        return change(call, id, missing, (draft, stored) => edit(draft, stored, sent, snapshotOf(exchange)))
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/model/update',
      summary: 'Changes a deployment named by model_info.id',
      tag,
      roles: changers,
      body: partialModel,
      reply: modelRowReply,
      handle(call) {
        const { body, sent, principal, exchange } = call
        requireStore(exchange.snapshot, refuse.storeOff)
        const id = body.model_info?.id
        if (id === undefined || id === null) throw refuse.idMissing()
        if (sent.blocked !== undefined && sent.blocked !== null && principal.role !== 'proxy_admin') {
          throw refuse.blockedByAdminOnly()
        }
        const missing = (draft: ResourceDraft) =>
          draft.declared('deployment', id) === undefined ? refuse.updateUnknown() : refuse.updateConfigModel()
        return change(call, id, missing, (draft, stored) => edit(draft, stored, sent, snapshotOf(exchange)))
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/model/delete',
      summary: 'Removes a deployment; calls that use it end as they began',
      tag,
      roles: changers,
      body: modelById,
      handle(call) {
        requireStore(call.exchange.snapshot, refuse.storeOff)
        return change(call, call.body.id, () => refuse.deleteUnknown(call.body.id), remove)
      },
    }),
    ...(['block', 'unblock'] as const).map((verb) =>
      adminRoute({
        method: 'POST',
        path: `/model/${verb}`,
        summary:
          verb === 'block'
            ? 'Takes a deployment out of service; its siblings go on serving'
            : 'Puts a blocked deployment back into service',
        tag,
        roles: ['proxy_admin'],
        body: modelByModelId,
        handle(call) {
          const id = call.body.model_id
          requireStore(call.exchange.snapshot, refuse.storeOff)
          const missing = (draft: ResourceDraft) =>
            draft.declared('deployment', id) === undefined ? refuse.patchUnknown(id) : refuse.patchConfigModel()
          return change(call, id, missing, (draft, stored) => {
            draft.put('deployment', id, { ...stored.spec, blocked: verb === 'block' })
            const row = modelRow(storedModel(draft, id) ?? stored)
            return { result: { message: `Model: ${id} ${verb}ed successfully`, ...row } }
          })
        },
      }),
    ),
  ]
}
