import type { ReplicaReport, ReplicaRow } from '../core/store.ts'
import { dialects } from './dialect.ts'
import { number, optionalNumber, optionalText, text } from './row.ts'
import type { SqlRow, SqlSession } from './sql.ts'

/** A replica that went without a word is shown for so long after its lease. */
const keptMs = 3_600_000

const columns =
  'id, label, version, started_at, revision, generation, hash, state, refused_revision, refusal, draining, lease_ms'
const names = columns.split(', ')

export async function writeReport(session: SqlSession, report: ReplicaReport): Promise<void> {
  const { now } = dialects[session.dialect]
  const replaced = [...names.slice(1), 'seen_at'].map((name) => `${name} = excluded.${name}`)
  await session.query(
    `INSERT INTO midflight_replica (${columns}, seen_at) VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')}, ${now})
     ON CONFLICT (id) DO UPDATE SET ${replaced.join(', ')}`,
    [
      report.id,
      report.label,
      report.version,
      report.startedAt,
      report.revision,
      report.generation,
      report.hash ?? null,
      report.state,
      report.refusedRevision ?? null,
      report.refusal ?? null,
      report.draining ? 1 : 0,
      report.leaseMs,
    ],
  )
}

export async function removeReplica(session: SqlSession, id: string): Promise<void> {
  await session.query('DELETE FROM midflight_replica WHERE id = $1', [id])
}

export async function pruneReplicas(session: SqlSession): Promise<void> {
  const { now } = dialects[session.dialect]
  await session.query(`DELETE FROM midflight_replica WHERE seen_at + lease_ms < ${now} - ${keptMs}`)
}

export async function readReplicas(session: SqlSession): Promise<readonly ReplicaRow[]> {
  const { now } = dialects[session.dialect]
  const rows = await session.query(
    `SELECT ${columns}, seen_at, seen_at + lease_ms - ${now} AS lease_left FROM midflight_replica
     WHERE seen_at + lease_ms >= ${now} - ${keptMs} ORDER BY started_at, id`,
  )
  return rows.map(replicaOf)
}

function replicaOf(row: SqlRow): ReplicaRow {
  return {
    id: text(row, 'id'),
    label: text(row, 'label'),
    version: text(row, 'version'),
    startedAt: number(row, 'started_at'),
    revision: number(row, 'revision'),
    generation: number(row, 'generation'),
    hash: optionalText(row, 'hash'),
    state: text(row, 'state'),
    refusedRevision: optionalNumber(row, 'refused_revision'),
    refusal: optionalText(row, 'refusal'),
    draining: number(row, 'draining') === 1,
    leaseMs: number(row, 'lease_ms'),
    seenAt: number(row, 'seen_at'),
    leaseLeftMs: number(row, 'lease_left'),
  }
}
