import type { Actor, Alteration, JournalEntry } from '../core/change.ts'
import type { Problem } from '../core/problem.ts'
import type { Role } from '../core/role.ts'
import type { JsonObject } from '../lib/json.ts'
import { list, number, optionalNumber, text } from './row.ts'
import type { Seal } from './seal.ts'
import { openFields, sealFields } from './sealed-fields.ts'
import type { SqlRow, SqlSession } from './sql.ts'

const columns = 'id, revision, at, actor_id, actor_role, actor_via, alterations, problems, reverts'

/** Entries that are kept, accepted and refused together: years of changes by people, days of changes by programs. */
const keptEntries = 100_000
const pruneEvery = 256

export async function appendEntry(
  session: SqlSession,
  seal: Seal,
  entry: JournalEntry,
  token: string | null = null,
): Promise<void> {
  const sealed = sealAlterations(seal, entry.alterations)
  await session.query(
    `INSERT INTO midflight_journal (${columns}, seal_key, token) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      entry.id,
      entry.revision ?? null,
      entry.at,
      entry.actor.id,
      entry.actor.role,
      entry.actor.via,
      JSON.stringify(sealed.alterations),
      JSON.stringify(entry.problems),
      entry.reverts ?? null,
      sealed.keyId,
      token,
    ],
  )
  if (entry.id % pruneEvery === 0) {
    await session.query('DELETE FROM midflight_journal WHERE id <= $1', [entry.id - keptEntries])
  }
}

/** The newest first. */
export async function readEntries(
  session: SqlSession,
  seal: Seal,
  { before = Number.MAX_SAFE_INTEGER, limit }: { readonly before?: number; readonly limit: number },
): Promise<readonly JournalEntry[]> {
  const rows = await session.query(`SELECT ${columns} FROM midflight_journal WHERE id < $1 ORDER BY id DESC LIMIT $2`, [
    before,
    limit,
  ])
  return rows.map((row) => entryOf(row, seal))
}

export async function hasEntry(session: SqlSession, revision: number, token: string): Promise<boolean> {
  const rows = await session.query('SELECT id FROM midflight_journal WHERE revision = $1 AND token = $2', [
    revision,
    token,
  ])
  return rows.length > 0
}

export async function readEntryOf(
  session: SqlSession,
  seal: Seal,
  revision: number,
): Promise<JournalEntry | undefined> {
  const rows = await session.query(`SELECT ${columns} FROM midflight_journal WHERE revision = $1`, [revision])
  return rows[0] === undefined ? undefined : entryOf(rows[0], seal)
}

export function sealAlterations(
  seal: Seal,
  alterations: readonly Alteration[],
): { readonly alterations: readonly Alteration[]; readonly keyId: string } {
  let keyId = ''
  const seals = (alteration: Alteration, json: JsonObject): JsonObject => {
    const sealed = sealFields(seal, alteration.kind, alteration.name, json)
    keyId ||= sealed.keyId
    return sealed.json
  }
  return { alterations: alterations.map((each) => withSpecs(each, (json) => seals(each, json))), keyId }
}

/** What does not open is left out of the alteration. @returns also why */
export function openAlterations(
  seal: Seal,
  stored: readonly Alteration[],
): { readonly alterations: readonly Alteration[]; readonly unreadable: readonly Unreadable[] } {
  const unreadable: Unreadable[] = []
  const alterations = stored.map((each) =>
    withSpecs(each, (json) => {
      const opened = openFields(seal, each.kind, each.name, json)
      if (opened.unreadable === undefined) return opened.json
      unreadable.push({ kind: each.kind, name: each.name, reason: opened.unreadable })
      return opened.json
    }),
  )
  return { alterations, unreadable }
}

export interface Unreadable {
  readonly kind: string
  readonly name: string
  readonly reason: string
}

export function alterationsOf(row: SqlRow): readonly Alteration[] {
  // Written by `appendEntry` only.
  return list(row, 'alterations') as unknown as readonly Alteration[]
}

function entryOf(row: SqlRow, seal: Seal): JournalEntry {
  const opened = openAlterations(seal, alterationsOf(row))
  const alterations = opened.alterations.map((alteration): Alteration => {
    const found = opened.unreadable.find(({ kind, name }) => kind === alteration.kind && name === alteration.name)
    return found === undefined ? alteration : { ...alteration, unreadable: found.reason }
  })
  return {
    id: number(row, 'id'),
    revision: optionalNumber(row, 'revision'),
    at: number(row, 'at'),
    actor: actorOf(row),
    alterations,
    // Written by `appendEntry` only.
    problems: list(row, 'problems') as unknown as readonly Problem[],
    reverts: optionalNumber(row, 'reverts'),
  }
}

function actorOf(row: SqlRow): Actor {
  // A role that a newer program knows is shown as it is.
  return { id: text(row, 'actor_id'), role: text(row, 'actor_role') as Role, via: text(row, 'actor_via') }
}

function withSpecs(alteration: Alteration, change: (json: JsonObject) => JsonObject): Alteration {
  const { before, after } = alteration
  return {
    ...alteration,
    ...(before === undefined ? {} : { before: change(before) }),
    ...(after === undefined ? {} : { after: change(after) }),
  }
}
