import { hash } from 'node:crypto'
import { writeResource } from '../gateway/src/stores/resources.ts'
import type { Seal } from '../gateway/src/stores/seal.ts'
import type { SqlDatabase } from '../gateway/src/stores/sql.ts'

/** What a big store is filled with. */
export interface StoreSize {
  readonly keys: number
  readonly models: number
  /** Where the models' provider is. */
  readonly apiBase: string
}

const teams = 1_000
const users = 50_000
const atOnce = 5_000
const createdAt = Date.UTC(2026, 10, 1)

/** The nth key, as its owner has it. */
export function keyNumber(n: number): string {
  return `sk-${String(n).padStart(22, 'k')}`
}

export function modelNumber(n: number): string {
  return `stored-model-${n}`
}

/** Fills a migrated store that nobody uses yet: models sealed as the gateway does, keys, users and teams in its columns. */
export async function fillStore(
  database: SqlDatabase,
  seal: Seal,
  { keys, models, apiBase }: StoreSize,
): Promise<void> {
  for (let from = 0; from < models; from += 500) {
    await database.transaction('write', async (session) => {
      for (let n = from; n < Math.min(from + 500, models); n += 1) {
        await writeResource(session, seal, {
          kind: 'deployment',
          name: `deployment-${n}`,
          spec: {
            model_name: modelNumber(n),
            litellm_params: {
              model: 'openai/bench-model',
              api_base: apiBase,
              api_key: `sk-upstream-${n}`,
              rpm: 100_000,
            },
            model_info: { id: `deployment-${n}`, base_model: 'gpt-4o', tier: 'paid' },
          },
          revision: 1,
          deleted: false,
          createdAt: createdAt + n,
          createdBy: 'bench',
          updatedAt: createdAt + n,
          updatedBy: 'bench',
        })
      }
    })
  }
  await fillRecords(database, 'team', teams, (n) => ({
    id: `team-${n}`,
    body: { team_alias: `Team ${n}`, models: [], max_budget: null, metadata: {}, members_with_roles: [] },
  }))
  await fillRecords(database, 'user', users, (n) => ({
    id: `user-${n}`,
    body: { user_email: `user-${n}@example.com`, user_role: 'internal_user', models: [], metadata: {}, teams: [] },
  }))
  await fillRecords(database, 'key', keys, (n) => ({ id: hash('sha256', keyNumber(n)), body: keyBody(n) }))
  await database.query('UPDATE midflight_head SET revision = 1, resource_revision = 1, changed_at = $1', [createdAt])
}

/** As `/key/generate` writes it for a user in a team. */
function keyBody(n: number) {
  return {
    key_alias: `service-${n}`,
    key_name: `sk-...${keyNumber(n).slice(-4)}`,
    expires: null,
    models: [],
    aliases: {},
    config: {},
    user_id: `user-${n % users}`,
    team_id: `team-${n % teams}`,
    permissions: {},
    metadata: { service: `service-${n}` },
    blocked: null,
    max_parallel_requests: null,
    tpm_limit: null,
    rpm_limit: null,
    max_budget: null,
    budget_duration: null,
    allowed_routes: [],
  }
}

interface Row {
  readonly id: string
  readonly body: Readonly<Record<string, unknown>>
}

async function fillRecords(database: SqlDatabase, kind: string, count: number, row: (n: number) => Row): Promise<void> {
  const fields = ['key_alias', 'user_email', 'user_id', 'team_id'] as const
  const value = (index: number): string => `value ->> ${index}`
  const list = Array.from({ length: 2 + fields.length }, (_, index) => value(index))
  const each = database.dialect === 'sqlite' ? 'json_each($1)' : 'json_array_elements(CAST($1 AS json))'
  const text = `INSERT INTO midflight_record
    (kind, id, body, alias, email, user_id, team_id, seal_key, revision, created_at, created_by, updated_at, updated_by)
    SELECT '${kind}', ${list.join(', ')}, '', 1, ${createdAt}, 'bench', ${createdAt}, 'bench' FROM ${each}`
  for (let from = 0; from < count; from += atOnce) {
    const rows = Array.from({ length: Math.min(atOnce, count - from) }, (_, index) => {
      const { id, body } = row(from + index)
      return [id, JSON.stringify(body), ...fields.map((field) => body[field] ?? null)]
    })
    await database.transaction('migration', (session) => session.query(text, [JSON.stringify(rows)]))
  }
}
