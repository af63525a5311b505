import { dialects } from '../dialect.ts'
import type { Migration } from './migration.ts'

/**
 * What is desired (resources, records), how it came about (head, journal, feed of changed records), who runs it (replicas), and
 * what was answered (idempotency). The names are prefixed: the database may be shared with other programs.
 */
export const desiredState: Migration = {
  number: 1,
  name: 'desired-state',
  minimumReader: 1,
  async step(session) {
    for (const statement of statements(dialects[session.dialect].text)) await session.query(statement)
    if (session.dialect === 'sqlite') for (const statement of expectations) await session.query(statement)
    return 'done'
  },
}

const statements = (text: string): readonly string[] => [
  // One row. Whoever changes something locks it first, so the order of commits is the order of revisions. The floors say up to which revision
  // the feed and the tombstones were pruned.
  `CREATE TABLE IF NOT EXISTS midflight_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision BIGINT NOT NULL,
    resource_revision BIGINT NOT NULL,
    journal BIGINT NOT NULL,
    record_floor BIGINT NOT NULL,
    resource_floor BIGINT NOT NULL,
    changed_at BIGINT
  )`,
  'INSERT INTO midflight_head VALUES (1, 0, 0, 0, 0, 0, NULL) ON CONFLICT (id) DO NOTHING',

  `CREATE TABLE IF NOT EXISTS midflight_resource (
    kind ${text} NOT NULL,
    name ${text} NOT NULL,
    spec ${text} NOT NULL,
    seal_key ${text} NOT NULL,
    revision BIGINT NOT NULL,
    deleted INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    created_by ${text} NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by ${text} NOT NULL,
    PRIMARY KEY (kind, name)
  )`,
  'CREATE INDEX IF NOT EXISTS midflight_resource_revision ON midflight_resource (revision)',

  // The columns after updated_by are taken from the body. A folded_… column holds the text in lower case where the database's own
  // lower(), which knows ASCII only, would not.
  `CREATE TABLE IF NOT EXISTS midflight_record (
    kind ${text} NOT NULL,
    id ${text} NOT NULL,
    body ${text} NOT NULL,
    seal_key ${text} NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by ${text} NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by ${text} NOT NULL,
    alias ${text},
    email ${text},
    user_id ${text},
    team_id ${text},
    organization_id ${text},
    budget_id ${text},
    folded_id ${text},
    folded_alias ${text},
    folded_email ${text},
    folded_user_id ${text},
    folded_team_id ${text},
    folded_organization_id ${text},
    folded_budget_id ${text},
    PRIMARY KEY (kind, id)
  )`,
  // Each list is read in an order that an index has, and each count from an index alone.
  'CREATE INDEX IF NOT EXISTS midflight_record_created ON midflight_record (kind, created_at)',
  'CREATE INDEX IF NOT EXISTS midflight_record_updated ON midflight_record (kind, updated_at)',
  'CREATE INDEX IF NOT EXISTS midflight_record_alias ON midflight_record (kind, alias, folded_alias)',
  `CREATE INDEX IF NOT EXISTS midflight_record_email ON midflight_record (kind, email, folded_email)
    WHERE email IS NOT NULL`,
  'CREATE INDEX IF NOT EXISTS midflight_record_user ON midflight_record (kind, user_id, created_at)',
  'CREATE INDEX IF NOT EXISTS midflight_record_team ON midflight_record (kind, team_id, created_at)',
  `CREATE INDEX IF NOT EXISTS midflight_record_organization
    ON midflight_record (kind, organization_id, created_at)`,
  `CREATE INDEX IF NOT EXISTS midflight_record_budget ON midflight_record (kind, budget_id)
    WHERE budget_id IS NOT NULL`,
  'CREATE INDEX IF NOT EXISTS midflight_record_creator ON midflight_record (kind, created_by, created_at)',
  `CREATE INDEX IF NOT EXISTS midflight_record_sealed ON midflight_record (seal_key, kind, id)
    WHERE seal_key <> ''`,

  `CREATE TABLE IF NOT EXISTS midflight_record_change (
    revision BIGINT NOT NULL,
    kind ${text} NOT NULL,
    id ${text} NOT NULL,
    PRIMARY KEY (revision, kind, id)
  )`,

  // By its token a change whose commit was not answered is found again.
  `CREATE TABLE IF NOT EXISTS midflight_journal (
    id BIGINT PRIMARY KEY,
    revision BIGINT,
    at BIGINT NOT NULL,
    actor_id ${text} NOT NULL,
    actor_role ${text} NOT NULL,
    actor_via ${text} NOT NULL,
    alterations ${text} NOT NULL,
    seal_key ${text} NOT NULL,
    problems ${text} NOT NULL,
    reverts BIGINT,
    token ${text}
  )`,
  'CREATE UNIQUE INDEX IF NOT EXISTS midflight_journal_revision ON midflight_journal (revision)',

  `CREATE TABLE IF NOT EXISTS midflight_replica (
    id ${text} PRIMARY KEY,
    label ${text} NOT NULL,
    version ${text} NOT NULL,
    started_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    hash ${text},
    state ${text} NOT NULL,
    refused_revision BIGINT,
    refusal ${text},
    draining INTEGER NOT NULL,
    lease_ms BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
  )`,

  `CREATE TABLE IF NOT EXISTS midflight_answer (
    key ${text} PRIMARY KEY,
    fingerprint ${text} NOT NULL,
    status INTEGER NOT NULL,
    body ${text} NOT NULL,
    seal_key ${text} NOT NULL,
    expires_at BIGINT NOT NULL
  )`,
  'CREATE INDEX IF NOT EXISTS midflight_answer_expiry ON midflight_answer (expires_at)',
]

/**
 * SQLite plans by these figures alone, and nothing ever counts anew: so plans are the same for ten keys and for a million, and fit the million.
 * After the number of rows: how many have the same first column, the same first two columns …
 */
const expectations: readonly string[] = [
  // Makes the table of figures.
  'ANALYZE midflight_head',
  `DELETE FROM sqlite_stat1 WHERE tbl = 'midflight_record'`,
  `INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('midflight_record', 'sqlite_autoindex_midflight_record_1', '1000000 300000 1'),
    ('midflight_record', 'midflight_record_created', '1000000 300000 10'),
    ('midflight_record', 'midflight_record_updated', '1000000 300000 10'),
    ('midflight_record', 'midflight_record_alias', '1000000 300000 2 2'),
    ('midflight_record', 'midflight_record_email', '100000 100000 2 2'),
    ('midflight_record', 'midflight_record_user', '1000000 300000 20 1'),
    ('midflight_record', 'midflight_record_team', '1000000 300000 300 1'),
    ('midflight_record', 'midflight_record_organization', '1000000 300000 3000 1'),
    ('midflight_record', 'midflight_record_budget', '100000 100000 100'),
    ('midflight_record', 'midflight_record_creator', '1000000 300000 3000 1'),
    ('midflight_record', 'midflight_record_sealed', '10000 10000 1000 1')`,
  'ANALYZE sqlite_schema',
]
