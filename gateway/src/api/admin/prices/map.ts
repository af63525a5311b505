import { Buffer } from 'node:buffer'
import { z } from 'zod'
import { headerOf } from '../../../lib/http1/head-fields.ts'
import { shownUrl } from '../../../lib/shown-url.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { openRoute } from '../../open-route.ts'
import type { AdminPorts } from '../ports.ts'
import { accessDenied } from '../refusals.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { provenance, readers, tag } from './reload.ts'

/** The map itself, and where it came from (contract 1.2). */
export function mapRoutes({ prices }: Pick<AdminPorts, 'prices'>): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/model/cost_map/source',
      summary: 'Where the prices that serve came from',
      tag,
      roles: readers,
      denied: accessDenied,
      handle() {
        const { book, record } = prices.current
        const { forcedLocal, url } = prices.origin
        const isRemote = record.content !== undefined
        return {
          body: {
            source: isRemote ? 'remote' : 'local',
            url: shownUrl(record.url ?? url),
            is_env_forced: forcedLocal,
            fallback_reason: isRemote || forcedLocal ? null : (record.lastFailure ?? 'no map was fetched yet'),
            ...provenance(record),
            hash: book.hash,
            model_count: book.size,
          },
        }
      },
    }),
    openRoute({
      method: 'GET',
      path: '/public/litellm_model_cost_map',
      access: 'public',
      summary: 'The whole price map, as one JSON object',
      tag,
      reply: z.record(z.string(), z.unknown()),
      handle(exchange) {
        const book = snapshotOf(exchange).prices
        const etag = `"${book.hash}"`
        if (headerOf(exchange.http.request.fields, 'if-none-match') === etag) {
          exchange.reply.send(304, ['etag', etag], '')
          return
        }
        const { json } = book
        const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength)
        exchange.reply.send(200, ['content-type', 'application/json', 'etag', etag], bytes)
      },
    }),
  ]
}
