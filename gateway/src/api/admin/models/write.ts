import { randomUUID } from 'node:crypto'
import type { Snapshot } from '../../../config/snapshot.ts'
import type { Edited, ResourceDraft } from '../../../core/changes.ts'
import type { Role } from '../../../core/role.ts'
import type { StoredResource, Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { type AdminCall, type AdminReply, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import type { AdminPorts } from '../ports.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { storesModels } from '../stored-models.ts'
import { create, edit, remove, storedModel } from './edit.ts'
import { keepOperatorsSecrets } from './operators-secrets.ts'
import * as refuse from './refusals.ts'
import { modelRow, objectOf, type Written } from './row.ts'
import { modelById, modelByModelId, modelRowReply, newModel, partialModel } from './schema.ts'
import { permitModel, teamOf } from './teams.ts'

/** Team admins may change their team's models; whose model it is decides the handler. */
const changers: readonly Role[] = ['proxy_admin', 'org_admin', 'internal_user']
const tag = 'model management'

export function modelWriteRoutes(ports: AdminPorts): readonly DeclaredRoute[] {
  const { changes, store, environment } = ports

  const requireStore = (snapshot: Snapshot | undefined, refusal: () => Error): void => {
    if (!storesModels(snapshot, environment)) throw refusal()
  }

  /** Makes a change and answers its row as it was committed. */
  async function changed(
    call: Pick<AdminCall<unknown, unknown>, 'change' | 'sent'>,
    edit: (draft: ResourceDraft) => Promise<Edited<StoredResource>>,
    answer: (stored: StoredResource, written: Written) => JsonObject,
  ): Promise<AdminReply> {
    const outcome = await changes.resources(call.change, async (draft) => {
      const { result: stored, alongside } = await edit(draft)
      const result = { stored, at: 0 }
      return {
        result,
        async alongside(transaction: Transaction) {
          result.at = transaction.now
          await alongside?.(transaction)
        },
      }
    })
    const { stored, at } = outcome.result
    const reply = changeReply(call.change, outcome, answer(stored, { at, by: call.change.actor.id }))
    return { ...reply, head: [...(reply.head ?? []), ...mistyped(call.sent)] }
  }

  /** A misspelt parameter has no effect here and goes to the provider, so its sender is told. */
  function mistyped(sent: JsonObject): readonly string[] {
    const keys = Object.keys(objectOf(sent.litellm_params)).filter((key) => ports.meantParameter(key) !== undefined)
    if (keys.length === 0) return []
    const named = keys.map(
      (key) => `litellm_params.${encodeURIComponent(key.toWellFormed())}~${ports.meantParameter(key)}`,
    )
    return ['x-midflight-warnings', `sent_to_provider=${named.join(',')}`]
  }

  /** The same for one stored deployment. @param missing the refusal for a deployment that the store does not have */
  function changeOne(
    call: Pick<AdminCall<unknown, unknown>, 'change' | 'principal' | 'sent'>,
    id: string,
    missing: (draft: ResourceDraft) => Error,
    work: (draft: ResourceDraft, stored: StoredResource) => Edited<StoredResource>,
    answer: (stored: StoredResource, written: Written) => JsonObject = modelRow,
  ): Promise<AdminReply> {
    return changed(
      call,
      async (draft) => {
        const stored = storedModel(draft, id)
        if (stored === undefined) throw missing(draft)
        await permitModel(store, call.principal, teamOf(stored.spec))
        return work(draft, stored)
      },
      answer,
    )
  }

  function edited(
    draft: ResourceDraft,
    stored: StoredResource,
    { sent, principal, exchange }: Pick<AdminCall<unknown, unknown>, 'sent' | 'principal' | 'exchange'>,
  ): Edited<StoredResource> {
    const made = edit(draft, stored, sent, snapshotOf(exchange))
    keepOperatorsSecrets(principal, stored.spec, objectOf(sent.litellm_params), made.result.spec)
    return made
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
      async handle(call) {
        const { body, sent, principal, exchange } = call
        requireStore(exchange.snapshot, refuse.storeOff)
        await permitModel(store, principal, body.model_info?.team_id || undefined)
        const id = body.model_info?.id ?? randomUUID()
        const make = async (draft: ResourceDraft) => {
          const made = create(draft, id, sent, randomUUID)
          keepOperatorsSecrets(principal, undefined, objectOf(sent.litellm_params), made.result.spec)
          return made
        }
        return changed(call, make, modelRow)
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
        return changeOne(call, id, missing, (draft, stored) => edited(draft, stored, call))
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
        return changeOne(call, id, missing, (draft, stored) => edited(draft, stored, call))
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
        const { id } = call.body
        const answer = (): JsonObject => ({ message: `Model: ${id} deleted successfully` })
        return changeOne(call, id, () => refuse.deleteUnknown(id), remove, answer)
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
          const put = (draft: ResourceDraft, stored: StoredResource): Edited<StoredResource> => {
            draft.put('deployment', id, { ...stored.spec, blocked: verb === 'block' })
            return { result: storedModel(draft, id) ?? stored }
          }
          return changeOne(call, id, missing, put, (stored, written) => ({
            message: `Model: ${id} ${verb}ed successfully`,
            ...modelRow(stored, written),
          }))
        },
      }),
    ),
  ]
}
