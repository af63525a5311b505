import { setImmediate } from 'node:timers/promises'
import type { KindName } from '../core/resource.ts'
import type { StoredResource } from '../core/store.ts'
import { number, object, text } from './row.ts'
import type { Seal } from './seal.ts'
import { openFields, sealFields } from './sealed-fields.ts'
import type { SqlRow, SqlSession } from './sql.ts'

const openedAtOnce = 200

const columns = 'kind, name, spec, revision, deleted, created_at, created_by, updated_at, updated_by'

/** Also a tombstone. */
export async function readResource(
  session: SqlSession,
  seal: Seal,
  kind: KindName,
  name: string,
): Promise<StoredResource | undefined> {
  const rows = await session.query(`SELECT ${columns} FROM midflight_resource WHERE kind = $1 AND name = $2`, [
    kind,
    name,
  ])
  return rows[0] === undefined ? undefined : resourceOf(rows[0], seal)
}

/** In the order of creation, which is the order in which deployments of one name are tried. */
export function readAllResources(session: SqlSession): Promise<readonly SqlRow[]> {
  return session.query(`SELECT ${columns} FROM midflight_resource WHERE deleted = 0 ORDER BY created_at, kind, name`)
}

export function readResourcesAfter(session: SqlSession, revision: number): Promise<readonly SqlRow[]> {
  return session.query(
    `SELECT ${columns} FROM midflight_resource WHERE revision > $1 ORDER BY revision, created_at, kind, name`,
    [revision],
  )
}

/** Opening takes 10 µs a row, so thousands are opened in pieces, with calls in between. */
export async function openResources(rows: readonly SqlRow[], seal: Seal): Promise<readonly StoredResource[]> {
  const resources: StoredResource[] = []
  for (const row of rows) {
    resources.push(resourceOf(row, seal))
    if (resources.length % openedAtOnce === 0) await setImmediate()
  }
  return resources
}

export async function writeResource(session: SqlSession, seal: Seal, resource: StoredResource): Promise<void> {
  const { kind, name } = resource
  const sealed = sealFields(seal, kind, name, resource.spec)
  await session.query(
    `INSERT INTO midflight_resource (${columns}, seal_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     ON CONFLICT (kind, name) DO UPDATE SET
       spec = excluded.spec, seal_key = excluded.seal_key, revision = excluded.revision, deleted = excluded.deleted,
       created_at = excluded.created_at, created_by = excluded.created_by,
       updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
    [
      kind,
      name,
      JSON.stringify(sealed.json),
      resource.revision,
      resource.deleted ? 1 : 0,
      resource.createdAt,
      resource.createdBy,
      resource.updatedAt,
      resource.updatedBy,
      sealed.keyId,
    ],
  )
}

export function resourceOf(row: SqlRow, seal: Seal): StoredResource {
  const kind = resourceKindOf(row)
  const name = text(row, 'name')
  const { json, unreadable } = openFields(seal, kind, name, object(row, 'spec'))
  return {
    kind,
    name,
    spec: unreadable === undefined ? json : {},
    revision: number(row, 'revision'),
    deleted: number(row, 'deleted') === 1,
    createdAt: number(row, 'created_at'),
    createdBy: text(row, 'created_by'),
    updatedAt: number(row, 'updated_at'),
    updatedBy: text(row, 'updated_by'),
    ...(unreadable === undefined ? {} : { unreadable }),
  }
}

/** Written by `writeResource` only. A kind of a newer program is passed on as it is: whoever reads leaves out what it does not know. */
export function resourceKindOf(row: SqlRow): KindName {
  return text(row, 'kind') as KindName
}
