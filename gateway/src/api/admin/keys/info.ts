import { z } from 'zod'
import type { Principal } from '../../../core/principal.ts'
import type { StoredRecord } from '../../../core/record.ts'
import { roles } from '../../../core/role.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import type { RecordPorts } from '../record-ports.ts'
import { refusal } from '../refusals.ts'
import { keysInfoBody } from './fields.ts'
import { findKey } from './find.ts'
import { keyRows } from './row.ts'
import { isKeyOrHash, tokenOfEither } from './token.ts'
import { mayTouchKey, permitKey } from './who.ts'

const tag = 'key management'

export function infoRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/key/info',
      summary: "Shows a key, or the caller's own; deleted ones too",
      tag,
      roles,
      query: z.object({ key: z.string().optional() }),
      async handle({ query, principal }) {
        const named = query.key === undefined || query.key === '' ? principal.key?.id : query.key
        const key = named === undefined ? undefined : await anyKey(ports, named)
        if (named === undefined || key === undefined) throw unknown()
        await permitKey(ports.store, principal, 'key.info', key, '/key/info')
        const [shown] = await keyRows(ports, ports.store, [key])
        return { body: { key: named, info: shown?.row } }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/v2/key/info',
      summary: 'Shows many keys; those that are not yours to see are left out',
      tag,
      roles,
      body: keysInfoBody,
      async handle({ body, principal }) {
        const named = body.keys ?? (principal.key === undefined ? [] : [principal.key.id])
        const found: StoredRecord[] = []
        for (const name of new Set(named)) {
          const key = await anyKey(ports, name)
          if (key !== undefined && (await mayTouchKey(ports.store, principal, 'key.info', key))) found.push(key)
        }
        const shown = await keyRows(ports, ports.store, found)
        return { body: { key: named, info: shown.map(({ token, row }) => ({ ...row, token })) } }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/key/health',
      summary: 'Says that the calling key is accepted',
      tag,
      roles,
      // No callback of a key logs anything yet, so there is none to check.
      handle: ({ principal }) => ({ body: { key: healthOf(principal), logging_callbacks: null } }),
    }),
  ]
}

function healthOf(principal: Principal): 'healthy' | 'unhealthy' {
  return principal.key?.blocked === true ? 'unhealthy' : 'healthy'
}

/** A live key, or the copy of a deleted one. */
async function anyKey(ports: Pick<RecordPorts, 'store'>, named: string): Promise<StoredRecord | undefined> {
  const live = await findKey(ports.store, named)
  if (live !== undefined || !isKeyOrHash(named)) return live
  return ports.store.record('deleted-key', tokenOfEither(named))
}

function unknown() {
  return refusal(404, 'Key not found in database', 'not_found_error', 'key')
}
