import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type App, createApp } from '../src/app.ts'
import { readBootOptions } from '../src/boot.ts'
import type { JsonObject } from '../src/lib/json.ts'
import type { Log } from '../src/lib/log.ts'
import { putRecords, type RecordWrite } from './callers.ts'
import { scratchDirectory } from './scratch.ts'

export const masterKey = 'sk-master-of-the-test'

/** The whole gateway in the process of the test, on a store of its own, spoken to over HTTP. */
export interface Gateway {
  readonly app: App
  readonly url: string
  readonly dataDirectory: string
  /** All that was logged, as it would be written. */
  logged(): string
  /** @param key the master key unless given; '' sends none */
  call(method: string, path: string, body?: unknown, key?: string, headers?: Record<string, string>): Promise<Answer>
  get(path: string, key?: string): Promise<Answer>
  post(path: string, body?: unknown, key?: string, headers?: Record<string, string>): Promise<Answer>
  /** One chat call. */
  chat(model: string, key?: string, headers?: Record<string, string>): Promise<Answer>
  /** Commits records by this replica, as its management routes do; `undefined` deletes. */
  put(...records: readonly RecordWrite[]): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** `undefined`: it was none, or no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: assertions reach deep into bodies whose form is what they assert.
  readonly body: any
  readonly text: string
}

export interface GatewayOptions {
  /** The config file, as text or as the value it says. Default: two models that answer by themselves. */
  readonly config?: string | JsonObject
  readonly environment?: Readonly<Record<string, string>>
  /** Default: one of its own. */
  readonly dataDirectory?: string
  /** Default: SQLite in the data directory. */
  readonly databaseUrl?: string
  /** Default: true. */
  readonly hints?: boolean
}

export const modelsThatAnswer = `
model_list:
  - model_name: alpha
    litellm_params: { model: openai/alpha, api_key: none, mock_response: hello }
  - model_name: beta
    litellm_params: { model: openai/beta, api_key: none, mock_response: hello }
`

/** Serves until the test ends. Several on one store are replicas of each other. */
export async function startGateway(
  context: Pick<TestContext, 'after'>,
  options: GatewayOptions = {},
): Promise<Gateway> {
  const { config = modelsThatAnswer, dataDirectory = scratchDirectory(), databaseUrl, hints = true } = options
  const file = join(scratchDirectory(), 'config.yaml')
  // JSON is YAML.
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config))
  const environment = { LITELLM_MASTER_KEY: masterKey, ...options.environment }
  const boot = readBootOptions({ config: file, host: '127.0.0.1', port: '0', dataDir: dataDirectory }, environment)
  const lines: string[] = []
  const app = await createApp(
    { ...boot, environmentFile: undefined, drainNoticeMs: 0, drainMaxMs: 1_000, databaseUrl, hints },
    logTo(lines),
  )
  context.after(() => app.stop(0))
  const { address, verdict } = await app.start()
  if (!verdict.applied) throw new Error(`the configuration was refused: ${JSON.stringify(verdict.problems)}`)
  const url = `http://127.0.0.1:${address.port}`
  const call: Gateway['call'] = async (method, path, body, key = masterKey, headers = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return answerOf(response)
  }
  return {
    app,
    url,
    dataDirectory,
    logged: () => lines.join('\n'),
    call,
    get: (path, key) => call('GET', path, undefined, key),
    post: (path, body = {}, key, headers) => call('POST', path, body, key, headers),
    chat: (model, key, headers) =>
      call('POST', '/v1/chat/completions', { model, messages: [{ role: 'user', content: 'hi' }] }, key, headers),
    put: (...records) => putRecords(app, ...records),
  }
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = text !== '' && response.headers.get('content-type')?.startsWith('application/json') === true
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : undefined, text }
}

function logTo(lines: string[]): Log {
  const write = (level: string) => (event: string, facts?: Readonly<Record<string, unknown>>) => {
    lines.push(JSON.stringify({ level, event, ...facts }))
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
