import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type App, createApp } from '../src/app.ts'
import type { RecordKind } from '../src/core/record.ts'
import type { JsonObject } from '../src/lib/json.ts'

/** Whole gateways in the process of the test: real sockets, real stores. */

export const masterKey = 'sk-master-of-the-test'

export interface RunningApp {
  readonly app: App
  readonly url: string
  /** Commits records by this replica, as its management routes do. */
  put(...records: readonly (readonly [RecordKind, string, JsonObject | undefined])[]): Promise<void>
  get(path: string, key?: string): Promise<Answer>
  post(path: string, key: string | undefined, body: JsonObject, headers?: Record<string, string>): Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

export interface AppSettings {
  /** `model_list`, and what else a config file holds. */
  readonly config: JsonObject
  /** Default: SQLite in a directory of its own. */
  readonly databaseUrl?: string
  /** Default: true. */
  readonly hints?: boolean
}

/** A directory that goes with the test, after everything in it was closed. */
export function scratchDirectory(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'midflight-app-'))
  context.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export async function startApp(context: TestContext, settings: AppSettings): Promise<RunningApp> {
  const directory = scratchDirectory(context)
  const file = join(directory, 'config.yaml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(settings.config))
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const app = await createApp(
    {
      config: file,
      host: '127.0.0.1',
      port: 0,
      dataDirectory: join(directory, 'data'),
      environmentFile: undefined,
      environment: { LITELLM_MASTER_KEY: masterKey },
      logLevel: 'info',
      maxConfigBytes: undefined,
      drainNoticeMs: 0,
      drainMaxMs: 1_000,
      databaseUrl: settings.databaseUrl,
      replicaId: undefined,
      hints: settings.hints ?? true,
    },
    log,
  )
  context.after(() => app.stop(0))
  const { address, verdict } = await app.start()
  if (!verdict.applied) throw new Error(`the configuration was refused: ${JSON.stringify(verdict.problems)}`)
  const url = `http://127.0.0.1:${address.port}`
  return {
    app,
    url,
    async put(...records) {
      const actor = { id: 'default_user_id', role: 'proxy_admin', via: 'test' } as const
      await app.changes.records({ actor }, async (transaction) => {
        for (const [kind, id, body] of records) {
          if (body === undefined) await transaction.deleteRecord(kind, id)
          else await transaction.putRecord(kind, id, body)
        }
      })
    },
    get: (path, key) => answerOf(fetch(url + path, { headers: bearer(key) })),
    post: (path, key, body, headers = {}) =>
      answerOf(
        fetch(url + path, {
          method: 'POST',
          headers: { ...bearer(key), 'content-type': 'application/json', ...headers },
          body: JSON.stringify(body),
        }),
      ),
  }
}

function bearer(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` }
}

async function answerOf(answering: Promise<Response>): Promise<Answer> {
  const response = await answering
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}
