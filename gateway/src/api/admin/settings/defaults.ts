import { z } from 'zod'
import type { JsonObject } from '../../../lib/json.ts'
import { type AdminCall, type AdminReply, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { present, withoutUnsaid } from '../body-changes.ts'
import { checkLimits } from '../limit-checks.ts'
import { storeOff } from '../models/refusals.ts'
import type { AdminPorts } from '../ports.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { storesModels } from '../stored-models.ts'
import { teamEntry } from '../teams/entry.ts'
import { count, dollars, names, text } from '../wire-fields.ts'
import { putSettings, sectionOf } from './stored-settings.ts'

/** What new users and teams are given (contract 6.2); LiteLLM's dashboard edits it here. What is sent replaces the whole. */

interface Defaults {
  readonly path: string
  readonly key: 'default_internal_user_params' | 'default_team_params'
  /** LiteLLM's, of the answer. */
  readonly message: string
  readonly description: string
  readonly body: z.ZodObject
  /** As shown to whoever draws a form. */
  readonly properties: Readonly<Record<string, { readonly type: string; readonly description: string }>>
}

const limitProperties = {
  max_budget: { type: 'number', description: 'US dollars that may be spent' },
  budget_duration: { type: 'string', description: 'When spend starts again from 0: 30s, 12h, 30d, 1mo' },
}

const ofUsers: Defaults = {
  path: 'internal_user_settings',
  key: 'default_internal_user_params',
  message: 'Internal user settings updated successfully',
  description: 'What a new user is given of whom it is not said otherwise',
  body: z.object({
    user_role: z.enum(['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer']).nullish(),
    max_budget: dollars,
    budget_duration: text,
    models: names,
    teams: z.array(teamEntry).nullish(),
  }),
  properties: {
    user_role: { type: 'string', description: 'The role of the user' },
    ...limitProperties,
    models: { type: 'array', description: 'Models that may be called with keys of no team; empty: all' },
    teams: { type: 'array', description: 'Teams that the user is put into: ids, or team_id with user_role and budget' },
  },
}

const ofTeams: Defaults = {
  path: 'default_team_settings',
  key: 'default_team_params',
  message: 'Default team settings updated successfully',
  description: 'What a new team is given of which it is not said otherwise',
  body: z.object({
    models: names,
    max_budget: dollars,
    budget_duration: text,
    tpm_limit: count,
    rpm_limit: count,
    team_member_permissions: names,
  }),
  properties: {
    models: { type: 'array', description: 'Models that the team may call; empty: all' },
    ...limitProperties,
    tpm_limit: { type: 'integer', description: 'Tokens in a minute' },
    rpm_limit: { type: 'integer', description: 'Requests in a minute' },
    team_member_permissions: { type: 'array', description: "What plain members may do with the team's keys" },
  },
}

export function defaultsRoutes(ports: Pick<AdminPorts, 'changes' | 'environment'>): readonly DeclaredRoute[] {
  return [ofUsers, ofTeams].flatMap((defaults) => [
    adminRoute({
      method: 'GET',
      path: `/get/${defaults.path}`,
      summary: defaults.description,
      tag: 'configuration',
      roles: ['proxy_admin', 'proxy_admin_viewer'],
      handle({ exchange }) {
        const spec = snapshotOf(exchange).declared.get('settings', 'gateway')?.spec ?? {}
        const { description, properties } = defaults
        const values = sectionOf(spec, 'litellm_settings')[defaults.key] ?? {}
        return { body: { values, field_schema: { description, properties } } }
      },
    }),
    adminRoute({
      method: 'PATCH',
      path: `/update/${defaults.path}`,
      summary: `Replaces what is given to new ${defaults === ofUsers ? 'users' : 'teams'}`,
      tag: 'configuration',
      roles: ['proxy_admin'],
      body: defaults.body,
      handle: (call) => replace(defaults, call, ports),
    }),
  ])
}

/** @throws GatewayError (400) for limits that nobody may have, and for what the configuration file says */
async function replace(
  { key, message }: Defaults,
  { body, change, exchange }: AdminCall<Record<string, unknown>, unknown>,
  { changes, environment }: Pick<AdminPorts, 'changes' | 'environment'>,
): Promise<AdminReply> {
  if (!storesModels(exchange.snapshot, environment)) throw storeOff()
  const settings: JsonObject = withoutUnsaid(present(body))
  checkLimits(settings)
  const outcome = await changes.resources(change, (draft) => {
    putSettings(draft, { litellm_settings: { [key]: Object.keys(settings).length === 0 ? null : settings } })
    return { result: undefined }
  })
  return changeReply(change, outcome, { message, status: 'success', settings })
}
