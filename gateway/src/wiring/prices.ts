import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Snapshot } from '../config/snapshot.ts'
import type { Changes } from '../core/changes.ts'
import { noPrices } from '../core/cost/price-book.ts'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { reasonOf } from '../lib/reason.ts'
import { defaultLimits, fetchMap } from '../prices/fetch.ts'
import { withFiles } from '../prices/kept-files.ts'
import { isSound, PriceMaps } from '../prices/maps.ts'
import { mapOrigin } from '../prices/origin.ts'
import { fromSpec, recordKind, recordName } from '../prices/record.ts'
import { PriceSchedule } from '../prices/schedule.ts'
import { PriceUpdates } from '../prices/updates.ts'
import { createContents } from '../stores/contents.ts'
import type { SqlDatabase } from '../stores/sql.ts'

/** The maps themselves; what loads them for a generation. */
export function openPriceMaps(database: SqlDatabase, dataDirectory: string): PriceMaps {
  return new PriceMaps(withFiles(join(dataDirectory, 'price-maps'), createContents(database), isSound))
}

export interface PriceKeeping {
  readonly updates: PriceUpdates
  readonly schedule: PriceSchedule
}

/** How maps are looked for, by hand and by schedule. */
export function openPriceKeeping(parts: {
  readonly maps: PriceMaps
  readonly changes: Pick<Changes, 'resources'>
  readonly current: () => Snapshot | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly log: Log
}): PriceKeeping {
  const { maps, changes, clock, environment, log } = parts
  const tools = { sleep: (ms: number) => sleep(ms), random: Math.random }
  const report = (event: string, facts: Readonly<Record<string, unknown>>, cause: unknown): void =>
    log.warn(event, { ...facts, reason: reasonOf(cause) })
  const updates = new PriceUpdates({
    changes,
    maps,
    origin: mapOrigin(environment),
    current() {
      const snapshot = parts.current()
      return {
        book: snapshot?.prices ?? noPrices,
        record: fromSpec(snapshot?.declared.get(recordKind, recordName)?.spec),
      }
    },
    fetch: (url, known) => fetchMap(url, known, defaultLimits, tools),
    clock,
    report,
  })
  return { updates, schedule: new PriceSchedule({ updates, clock, report, random: Math.random }) }
}
