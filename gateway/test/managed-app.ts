import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type App, createApp } from '../src/app.ts'
import { readBootOptions } from '../src/boot.ts'
import type { Log } from '../src/lib/log.ts'

export const masterKey = 'sk-master-key-of-the-test'

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: assertions reach deep into bodies whose form is what they assert.
  readonly body: any
  readonly headers: Headers
  readonly text: string
}

/** The whole gateway in the test's process, on a store of its own, spoken to over HTTP. Keys default to the master key; '' sends none. */
export interface ManagedApp {
  readonly app: App
  readonly url: string
  /** All lines that were logged. */
  logged(): string
  call(method: string, path: string, body?: unknown, key?: string, headers?: Record<string, string>): Promise<Answer>
  get(path: string, key?: string): Promise<Answer>
  post(path: string, body: unknown, key?: string): Promise<Answer>
  chat(model: string, key?: string): Promise<Answer>
}

/** Two models that answer by themselves. */
export const mockedModels = `model_list:
  - model_name: alpha
    litellm_params: { model: openai/alpha, api_key: none, mock_response: hello }
  - model_name: beta
    litellm_params: { model: openai/beta, api_key: none, mock_response: hello }
`

export async function startManaged(
  context: Pick<TestContext, 'after'>,
  options: { readonly config?: string; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<ManagedApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'midflight-managed-'))
  const config = join(dataDir, 'config.yaml')
  await writeFile(config, options.config ?? mockedModels)
  const lines: string[] = []
  const boot = readBootOptions(
    { config, host: '127.0.0.1', port: '0', dataDir },
    { LITELLM_MASTER_KEY: masterKey, ...options.environment },
  )
  const app = await createApp(
    { ...boot, environmentFile: undefined, drainNoticeMs: 0, drainMaxMs: 1_000 },
    logTo(lines),
  )
  const { address } = await app.start()
  context.after(async () => {
    await app.stop(0)
    await rm(dataDir, { recursive: true, force: true })
  })
  const url = `http://127.0.0.1:${address.port}`
  const call: ManagedApp['call'] = async (method, path, body, key = masterKey, headers = {}) => {
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
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    return { status: response.status, body: isJson ? JSON.parse(text) : undefined, headers: response.headers, text }
  }
  return {
    app,
    url,
    logged: () => lines.join('\n'),
    call,
    get: (path, key) => call('GET', path, undefined, key),
    post: (path, body, key) => call('POST', path, body, key),
    chat: (model, key) =>
      call('POST', '/v1/chat/completions', { model, messages: [{ role: 'user', content: 'hi' }] }, key),
  }
}

function logTo(lines: string[]): Log {
  const write = (event: string, facts?: Readonly<Record<string, unknown>>): void => {
    lines.push(JSON.stringify({ event, ...facts }))
  }
  return { debug: write, info: write, warn: write, error: write }
}
