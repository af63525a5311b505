import { z } from 'zod'
import type { PriceBook } from '../../core/cost/price-book.ts'
import { problem } from '../../core/problem.ts'
import { reasonOf } from '../../lib/reason.ts'
import * as field from '../schema/fields.ts'
import { defineKind } from './kind.ts'

/** The name of the one resource of this kind. */
export const priceMapName = 'prices'

const time = z.number()
const hash = z.string().regex(/^[0-9a-f]{64}$/, { error: 'the hash of a price map' })

/** The map that serves, where it came from, and when it is to be fetched again. Written by the routes of `api/admin/prices`. */
export const priceMapSpec = field.section({
  /** SHA-256 of the content, which the store keeps; absent: the map that comes with the gateway. */
  content: hash.nullish(),
  url: z.string().nullish(),
  etag: z.string().nullish(),
  last_modified: z.string().nullish(),
  source_revision: z.string().nullish(),
  /** Unix ms at which the content was first in use. */
  loaded_at: time.nullish(),
  models: z.number().nullish(),
  interval_hours: z.number().positive().nullish(),
  /** Unix ms at which the map was last looked for, or the schedule began. */
  last_run_at: time.nullish(),
  /** A replica is at it, until then (Unix ms). */
  claimed_until: time.nullish(),
  /** Why the last scheduled run changed nothing. */
  last_failure: z.string().nullish(),
})

export type PriceMapSpec = z.output<typeof priceMapSpec>

export interface CompiledPriceMap {
  readonly book: PriceBook
  readonly spec: PriceMapSpec
}

/** The prices of a generation. Maps are kept by their hash, so the same content is the same object in every generation. */
export const priceMap = defineKind({
  name: 'price-map',
  schema: priceMapSpec,
  resolves: () => false,
  async compile(spec, build): Promise<CompiledPriceMap | undefined> {
    const { prices } = build
    const { content } = spec
    if (!content) {
      const book = await build.share('prices:bundled', () => prices.bundled(), ignore)
      return Object.freeze({ book, spec })
    }
    try {
      const book = await build.share(`prices:${content}`, () => prices.load(content), ignore)
      return Object.freeze({ book, spec })
    } catch (error) {
      const reason = reasonOf(error)
      build.report('content', (where) =>
        problem('price_map_unavailable', where, { hash: content.slice(0, 12), reason }),
      )
      return undefined
    }
  },
})

/** A map is memory only: it goes when nobody holds it. */
function ignore(): void {}
