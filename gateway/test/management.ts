import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, createApp } from '../src/app.ts'
import { readBootOptions } from '../src/boot.ts'
import type { JsonObject } from '../src/lib/json.ts'
import type { Log } from '../src/lib/log.ts'

export const masterKey = 'sk-master-of-the-management-test'

export interface Answer {
  readonly status: number
  /** `undefined`: there was none. */
  readonly body: Answered
  readonly headers: Headers
  readonly text: string
}

/** What a test reads from an answer; a wrong guess fails the assertion it is in. */
// biome-ignore lint/suspicious/noExplicitAny: assertions reach deep into bodies whose form is what they assert.
export type Answered = any

/** The whole gateway in the process of the test, with a store of its own. */
export interface Management {
  readonly app: App
  readonly dataDirectory: string
  readonly url: string
  /** All that was logged, as it would be written. */
  readonly logged: () => string
  call(method: string, path: string, body?: unknown, key?: string, headers?: Record<string, string>): Promise<Answer>
  get(path: string, key?: string): Promise<Answer>
  post(path: string, body?: unknown, key?: string): Promise<Answer>
  /** A chat call. */
  chat(model: string, key: string): Promise<Answer>
}

/** A configuration whose models answer by themselves. */
export const modelsThatAnswer = `
model_list:
  - model_name: alpha
    litellm_params: { model: openai/alpha, api_key: none, mock_response: hello }
  - model_name: beta
    litellm_params: { model: openai/beta, api_key: none, mock_response: hello }
`

export async function startManagement(
  context: { after(close: () => Promise<void>): void },
  options: {
    readonly config?: string
    readonly environment?: Readonly<Record<string, string>>
    readonly dataDirectory?: string
  } = {},
): Promise<Management> {
  const directory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'midflight-app-')))
  const config = join(directory, 'config.yaml')
  await writeFile(config, options.config ?? modelsThatAnswer)
  const lines: string[] = []
  const write = (level: string) => (event: string, facts?: Readonly<Record<string, unknown>>) => {
    lines.push(JSON.stringify({ level, event, ...facts }))
  }
  const log: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const environment = { LITELLM_MASTER_KEY: masterKey, ...options.environment }
  const boot = readBootOptions({ config, host: '127.0.0.1', port: '0', dataDir: directory }, environment)
  const app = await createApp({ ...boot, environmentFile: undefined, drainNoticeMs: 0, drainMaxMs: 1_000 }, log)
  const { address } = await app.start()
  const url = `http://127.0.0.1:${address.port}`
  context.after(async () => {
    await app.stop(0)
    if (options.dataDirectory === undefined) await rm(directory, { recursive: true, force: true })
  })
  const call: Management['call'] = async (method, path, body, key = masterKey, headers = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const parsed: unknown = text === '' ? undefined : JSON.parse(text)
    return { status: response.status, body: parsed, headers: response.headers, text }
  }
  return {
    app,
    dataDirectory: directory,
    url,
    logged: () => lines.join('\n'),
    call,
    get: (path, key) => call('GET', path, undefined, key),
    post: (path, body, key) => call('POST', path, body ?? {}, key),
    chat: (model, key) =>
      call(
        'POST',
        '/v1/chat/completions',
        { model, messages: [{ role: 'user', content: 'hi' }] } satisfies JsonObject,
        key,
      ),
  }
}
