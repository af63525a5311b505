import { z } from 'zod'
import type { JournalEntry } from '../../../core/change.ts'
import { GatewayError } from '../../../core/errors.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply, shownAlteration } from '../../change-reply.ts'
import type { ConfigurationPorts } from './ports.ts'

const tag = 'configuration'
const usualLimit = 50
const largestLimit = 500

const page = z.object({
  limit: z.coerce.number({ error: 'a number' }).int().min(1).max(largestLimit).optional(),
  /** Id of an entry: only older ones. */
  before: z.coerce.number({ error: 'a number' }).int().min(1).optional(),
})

/** Who changed what, when, and what came of it; secrets are masked. */
export function journalRoutes({ store, revert }: ConfigurationPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/config/journal',
      summary: 'Accepted and refused changes, the newest first',
      tag,
      roles: ['proxy_admin', 'proxy_admin_viewer'],
      query: page,
      withoutSnapshot: true,
      async handle({ query: { limit = usualLimit, before } }) {
        const entries = await store.journal({ limit, ...(before === undefined ? {} : { before }) })
        const last = entries.length === limit ? entries.at(-1) : undefined
        return { body: { entries: entries.map(entryToWire), next_before: last?.id ?? null } }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/config/journal/{revision}',
      summary: 'The change that made a revision',
      tag,
      roles: ['proxy_admin', 'proxy_admin_viewer'],
      withoutSnapshot: true,
      async handle({ pathParameter }) {
        const revision = readRevision(pathParameter)
        const entry = await store.journalOf(revision)
        if (entry !== undefined) return { body: entryToWire(entry) }
        throw new GatewayError('record_not_found', `The journal has no change of revision ${revision}.`)
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/config/journal/{revision}/revert',
      summary: 'Undoes one change and keeps the later ones; 409 naming those that changed the same again',
      tag,
      roles: ['proxy_admin'],
      async handle({ pathParameter, change }) {
        const revision = readRevision(pathParameter)
        const outcome = await revert(revision, change)
        const body = {
          reverted: revision,
          revision: outcome.revision,
          alterations: outcome.alterations.map(shownAlteration),
          problems: outcome.problems,
        }
        return changeReply(change, outcome, body)
      },
    }),
  ]
}

function entryToWire(entry: JournalEntry) {
  return {
    id: entry.id,
    revision: entry.revision ?? null,
    accepted: entry.revision !== undefined,
    at: new Date(entry.at).toISOString(),
    actor: { id: entry.actor.id, role: entry.actor.role, via: entry.actor.via },
    alterations: entry.alterations.map(shownAlteration),
    problems: entry.problems,
    reverts: entry.reverts ?? null,
  }
}

/** @throws GatewayError `bad_request` */
function readRevision(text: string): number {
  const revision = Number(text)
  if (Number.isSafeInteger(revision) && revision > 0) return revision
  throw new GatewayError('bad_request', `\`${text.slice(0, 50)}\` is not the number of a revision.`)
}
