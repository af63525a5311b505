import { z } from 'zod'
import type { Snapshot } from '../../../config/snapshot.ts'
import type { ResourceDraft } from '../../../core/changes.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Role } from '../../../core/role.ts'
import type { JsonObject, JsonValue } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { masked, maskedCredential } from '../masking.ts'
import { objectOf } from '../models/row.ts'
import type { AdminPorts } from '../ports.ts'
import { refusal } from '../refusals.ts'
import { storeSource } from '../settings/stored-settings.ts'
import { snapshotOf } from '../snapshot-of.ts'

const tag = 'credential management'
/** Nobody else, not even a viewer (contract 3.9). */
const access: readonly Role[] = ['proxy_admin']

const mapping = z.record(z.string(), z.unknown())
const newCredential = z.object({
  credential_name: z.string().min(1),
  credential_values: mapping.nullish(),
  credential_info: mapping.nullish(),
  /** Takes the values of this deployment. */
  model_id: z.string().nullish(),
})
const changedCredential = z.object({
  credential_name: z.string().nullish(),
  credential_values: mapping.nullish(),
  credential_values_to_delete: z.array(z.string()).nullish(),
  credential_info: mapping.nullish(),
})

/** What of `litellm_params` is a way into a provider. */
const accessKeys =
  /^(api_key|api_base|base_url|api_version|organization|(aws|vertex|azure|watsonx)_.*|client_id|client_secret|tenant_id)$/

export function credentialRoutes({ changes }: Pick<AdminPorts, 'changes'>): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/credentials',
      summary: 'Adds a credential that deployments may name',
      tag,
      roles: access,
      body: newCredential,
      async handle({ body, sent, change }) {
        const name = body.credential_name
        const outcome = await changes.resources(change, (draft) => {
          if (draft.declared('credential', name) !== undefined || isStored(draft, name)) throw nameTaken(name)
          draft.put('credential', name, {
            credential_name: name,
            credential_values: { ...valuesOfModel(draft, body.model_id), ...objectOf(sent.credential_values) },
            credential_info: objectOf(sent.credential_info),
          })
          return { result: undefined }
        })
        return changeReply(change, outcome, { success: true, message: 'Credential created successfully' })
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/credentials',
      summary: 'Every credential, its values masked',
      tag,
      roles: access,
      handle({ exchange }) {
        const snapshot = snapshotOf(exchange)
        const credentials = [...snapshot.declared.names('credential')].map((name) => shownCredential(snapshot, name))
        return { body: { success: true, credentials } }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/credentials/by_name/{credential_name}',
      summary: 'One credential, its values masked',
      tag,
      roles: access,
      handle({ exchange, pathParameter }) {
        const snapshot = snapshotOf(exchange)
        if (snapshot.declared.get('credential', pathParameter) === undefined) throw unknown(pathParameter)
        return { body: shownCredential(snapshot, pathParameter) }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/credentials/by_model/{model_id}',
      summary: 'The credential that a deployment uses: the one it names, or its own values; masked',
      tag,
      roles: access,
      handle: ({ exchange, pathParameter }) => ({ body: credentialOfModel(snapshotOf(exchange), pathParameter) }),
    }),
    adminRoute({
      method: 'PATCH',
      path: '/credentials/{credential_name}',
      summary: 'Changes the values that are sent; the next call uses them, without touching the models',
      tag,
      roles: access,
      body: changedCredential,
      async handle({ body, sent, change, pathParameter: name }) {
        const outcome = await changes.resources(change, (draft) => {
          const spec = storedSpec(draft, name)
          draft.put('credential', name, {
            ...spec,
            credential_values: changedValues(
              objectOf(spec.credential_values),
              objectOf(sent.credential_values),
              body.credential_values_to_delete ?? [],
            ),
            credential_info: { ...objectOf(spec.credential_info), ...objectOf(sent.credential_info) },
          })
          return { result: undefined }
        })
        return changeReply(change, outcome, { success: true, message: 'Credential updated successfully' })
      },
    }),
    adminRoute({
      method: 'DELETE',
      path: '/credentials/{credential_name}',
      summary: 'Removes a credential; refused while a deployment names it',
      tag,
      roles: access,
      async handle({ change, pathParameter: name }) {
        const outcome = await changes.resources(change, (draft) => {
          storedSpec(draft, name)
          draft.delete('credential', name)
          return { result: undefined }
        })
        return changeReply(change, outcome, { success: true, message: 'Credential deleted successfully' })
      },
    }),
  ]
}

function isStored(draft: ResourceDraft, name: string): boolean {
  return draft.stored('credential', name)?.deleted === false
}

/** @throws GatewayError 404, or `config_owned` for one that the file declares */
function storedSpec(draft: ResourceDraft, name: string): JsonObject {
  const stored = draft.stored('credential', name)
  if (stored !== undefined && !stored.deleted) return stored.spec
  const declared = draft.declared('credential', name)
  if (declared === undefined || declared.source === storeSource) throw unknown(name)
  throw new GatewayError('config_owned', `Credential ${name} is set in the config file and cannot be changed here.`)
}

/** A value that comes back as it was shown means no change. */
function changedValues(before: JsonObject, sent: JsonObject, gone: readonly string[]): JsonObject {
  const after: Record<string, JsonValue | undefined> = { ...before }
  for (const [key, value] of Object.entries(sent)) {
    if (value === undefined) continue
    if (value === null) delete after[key]
    else if (before[key] !== undefined && value === maskedCredential(before[key])) continue
    else after[key] = value
  }
  for (const key of gone) delete after[key]
  return after
}

function valuesOfModel(draft: ResourceDraft, id: string | null | undefined): JsonObject {
  if (id === undefined || id === null) return {}
  const spec = draft.stored('deployment', id)?.spec ?? draft.declared('deployment', id)?.spec
  if (spec === undefined) throw refusal(404, `Model not found. Model id=${id}`, 'not_found_error', 'model_id')
  return accessValues(objectOf(spec.litellm_params))
}

function accessValues(params: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(params).filter(([key, value]) => accessKeys.test(key) && value !== null))
}

function shownCredential(snapshot: Snapshot, name: string): JsonObject {
  const spec = snapshot.declared.get('credential', name)?.spec ?? {}
  return {
    credential_name: name,
    credential_values: maskedValues(objectOf(spec.credential_values)),
    credential_info: masked(objectOf(spec.credential_info)),
  }
}

function credentialOfModel(snapshot: Snapshot, id: string): JsonObject {
  const declared = snapshot.declared.get('deployment', id)
  if (declared === undefined) throw refusal(404, `Model not found. Model id=${id}`, 'not_found_error', 'model_id')
  const params = objectOf(declared.spec.litellm_params)
  const { litellm_credential_name: named } = params
  if (typeof named === 'string' && snapshot.declared.get('credential', named) !== undefined) {
    return shownCredential(snapshot, named)
  }
  return {
    credential_name: `${String(declared.spec.model_name)}-credential-${id}`,
    credential_values: maskedValues(accessValues(params)),
    credential_info: {},
  }
}

function maskedValues(values: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, maskedCredential(value ?? null)]))
}

function nameTaken(name: string): GatewayError {
  return refusal(409, `Credential with name ${name} already exists`, 'internal_server_error', 'credential_name')
}

function unknown(name: string): GatewayError {
  return refusal(404, `Credential not found. Got credential name: ${name}`, 'not_found_error', 'credential_name')
}
