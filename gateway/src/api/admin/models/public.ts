import type { DeclaredRoute } from '../../admin-route.ts'
import { adminRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import type { AdminPorts } from '../ports.ts'
import { refusal } from '../refusals.ts'
import { putSettings } from '../settings/stored-settings.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { modelGroups } from './schema.ts'

/** Which models are shown to the public is a setting of their names, so that it survives their deployments. */
export function publicModelRoutes({ changes }: Pick<AdminPorts, 'changes'>): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/model_group/make_public',
      summary: 'Says which public models are marked as public; replaces the list',
      tag: 'model management',
      roles: ['proxy_admin'],
      body: modelGroups,
      async handle({ body, change, exchange, principal }) {
        const { models } = snapshotOf(exchange)
        const groups = [...new Set(body.model_groups)]
        const unknown = groups.find((name) => models.resolve(name) === undefined)
        if (unknown !== undefined) {
          throw refusal(400, `{'error': 'Model group ${unknown} not found'}`, 'auth_error', 'None')
        }
        const outcome = await changes.resources(change, (draft) => {
          putSettings(draft, { litellm_settings: { public_model_groups: groups } })
          return { result: undefined }
        })
        return changeReply(change, outcome, {
          message: 'Successfully updated public model groups',
          public_model_groups: groups,
          updated_by: principal.userId,
        })
      },
    }),
  ]
}
