import { isObject, type JsonObject, type JsonValue } from '../lib/json.ts'

/** Kind and name of the one resource; its schema is `config/kinds/price-map.ts`. */
export const recordKind = 'price-map'
export const recordName = 'prices'

/** What the store keeps of the map that serves and of its schedule, in the words of the code. Times are Unix ms. */
export interface MapRecord {
  /** `undefined`: the map that comes with the gateway. */
  readonly content: string | undefined
  readonly url: string | undefined
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  readonly sourceRevision: string | undefined
  readonly loadedAt: number | undefined
  readonly intervalHours: number | undefined
  readonly lastRunAt: number | undefined
  readonly claimedUntil: number | undefined
  readonly lastFailure: string | undefined
}

export function fromSpec(spec: JsonValue | undefined): MapRecord {
  const fields = isObject(spec) ? spec : {}
  return {
    content: text(fields.content),
    url: text(fields.url),
    etag: text(fields.etag),
    lastModified: text(fields.last_modified),
    sourceRevision: text(fields.source_revision),
    loadedAt: number(fields.loaded_at),
    intervalHours: number(fields.interval_hours),
    lastRunAt: number(fields.last_run_at),
    claimedUntil: number(fields.claimed_until),
    lastFailure: text(fields.last_failure),
  }
}

export function toSpec(record: MapRecord): JsonObject {
  const spec = {
    content: record.content,
    url: record.url,
    etag: record.etag,
    last_modified: record.lastModified,
    source_revision: record.sourceRevision,
    loaded_at: record.loadedAt,
    interval_hours: record.intervalHours,
    last_run_at: record.lastRunAt,
    claimed_until: record.claimedUntil,
    last_failure: record.lastFailure,
  }
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined))
}

/** When the schedule comes next; `undefined` without one, or before it ever ran. */
export function nextRunAt({ intervalHours, lastRunAt }: MapRecord): number | undefined {
  return intervalHours === undefined || lastRunAt === undefined ? undefined : lastRunAt + intervalHours * 3_600_000
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function number(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}
