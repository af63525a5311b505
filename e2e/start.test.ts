import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { afterEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import OpenAI from 'openai'
import { configText, playedModel } from './config-file.ts'
import { freePort, type GatewayProcess, masterKey, midflightPath, startGateway } from './processes.ts'
import { playedStage } from './stage.ts'
import { waitFor } from './wait.ts'

const run = promisify(execFile)
const stage = playedStage()
let gateway: GatewayProcess | undefined

afterEach(async () => {
  await gateway?.stop()
  gateway = undefined
})

describe('started with nothing', () => {
  it('prints its URL, a key it made, and a curl line that works when pasted', async () => {
    gateway = await startGateway({ key: undefined })
    const banner = await untilSaid(gateway, /curl [\s\S]*\}'\n/)
    assert.match(banner, new RegExp(`http://(127\\.0\\.0\\.1|localhost):${gateway.port}`))
    assert.match(banner, /sk-\S{16,}/)
    const curl = curlLine(banner)
    const { stdout } = await run('bash', ['-c', curl])
    assert.match(stdout, /demo/i, `${curl}\nanswered ${stdout}`)
    assert.doesNotMatch(stdout, /"error"/)
  })

  it('refuses a caller without the key', async () => {
    gateway = await startGateway({ key: undefined })
    const response = await fetch(`${gateway.url}/v1/models`)
    assert.equal(response.status, 401)
  })

  it('streams the demo model to the openai client and lists it', async () => {
    gateway = await startGateway()
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: masterKey, maxRetries: 0 })
    const models = await client.models.list()
    assert.deepEqual(
      models.data.map((model) => model.id),
      ['demo'],
    )
    const stream = client.chat.completions.stream({ model: 'demo', messages: [{ role: 'user', content: 'Hi' }] })
    const deltas: string[] = []
    stream.on('content', (delta) => deltas.push(delta))
    const text = await stream.finalContent()
    assert.ok(deltas.length > 3, 'comes in pieces')
    assert.match(text ?? '', /demo/i)
  })

  it('offers the models of providers whose keys the environment holds', async () => {
    const environment = {
      OPENAI_API_KEY: 'sk-from-environment-v5',
      OPENAI_BASE_URL: `${stage.provider.url}/v1`,
    }
    gateway = await startGateway({ environment })
    const response = await gateway.fetch('/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({ model: 'openai/gpt-played', messages: [{ role: 'user', content: '#id env' }] }),
    })
    const text = await response.text()
    assert.equal(response.status, 200, text)
    assert.match(text, /p-k5 env·0/)
    assert.equal(stage.provider.ledger.last.model, 'gpt-played')
  })
})

describe('started as LiteLLM is', () => {
  const model_list = () => [playedModel('gpt', `${stage.provider.url}/v1`)]

  it('takes `--config`, `--host`, `--port` and `--detailed_debug`', async () => {
    const config = stage.scratch.file('litellm.yaml')
    await writeFile(
      config,
      configText({ model_list: model_list(), general_settings: { master_key: 'sk-in-the-file' } }),
    )
    gateway = await startGateway({ config, flags: ['--detailed_debug'], key: undefined })
    const client = new OpenAI({ baseURL: gateway.url, apiKey: 'sk-in-the-file', maxRetries: 0 })
    const answer = await client.chat.completions.create({
      model: 'gpt',
      messages: [{ role: 'user', content: '#say Hello from the file' }],
    })
    assert.equal(answer.choices[0]?.message.content, 'Hello from the file')
  })

  it('prints a curl line that works also when the file names the master key, without showing it', async () => {
    const config = stage.scratch.file('own-key.yaml')
    await writeFile(
      config,
      configText({ model_list: model_list(), general_settings: { master_key: 'sk-of-the-file' } }),
    )
    gateway = await startGateway({ config, key: undefined })
    const banner = await untilSaid(gateway, /curl [\s\S]*\}'\n/)
    assert.doesNotMatch(banner, /sk-of-the-file/)
    assert.match(banner, /Try it, with that key as LITELLM_MASTER_KEY/)
    // Whoever pastes the line has set the variable that it names to the key of the file.
    const curl = curlLine(banner).replaceAll(/\$\{?LITELLM_MASTER_KEY\}?/g, 'sk-of-the-file')
    const { stdout } = await run('bash', ['-c', curl])
    assert.doesNotMatch(stdout, /"error"/, curl)
  })

  it('`validate` prints every problem with its place and exits 1; a good file exits 0', async () => {
    const bad = stage.scratch.file('bad.yaml')
    await writeFile(
      bad,
      'model_list:\n  - model_name: a\n    litellm_params:\n      model: opnai/x\n  - litellm_params: 5\n',
    )
    const failed = await run(process.execPath, [midflightPath, 'validate', bad]).then(
      () => assert.fail('a bad file must not validate'),
      (error: { code: number; stdout: string; stderr: string }) => error,
    )
    assert.equal(failed.code, 1)
    const said = failed.stdout + failed.stderr
    assert.match(said, /bad\.yaml:4:\d+.*unknown provider `opnai`/)
    assert.match(said, /bad\.yaml:5:\d+/)
    const here = stage.scratch.path
    const folder = await run(process.execPath, [midflightPath, 'validate', here], { cwd: here }).then(
      () => assert.fail('a folder must not validate'),
      (error: { stderr: string }) => error.stderr,
    )
    assert.match(folder, /^\S+ error: \S+ cannot be read: not a regular file/, 'the folder is named')
    const good = stage.scratch.file('good.yaml')
    await writeFile(good, configText({ model_list: model_list() }))
    await run(process.execPath, [midflightPath, 'validate', good])
  })

  it('serves the last accepted configuration when its file cannot be read, and says so', async () => {
    const config = stage.scratch.file('vanishing.yaml')
    const dataDir = stage.scratch.file('data')
    await mkdir(dataDir)
    await writeFile(config, configText({ model_list: model_list() }))
    gateway = await startGateway({ config, dataDir })
    await gateway.stop()
    await rm(config)
    await mkdir(config)
    gateway = await startGateway({ config, dataDir })
    const body = JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: '#say still here' }] })
    const response = await gateway.fetch('/v1/chat/completions', { method: 'POST', body })
    assert.match(await response.text(), /still here/)
    const status = await gateway.json<{ state: string; problems: { message: string }[] }>('/config/status')
    assert.equal(status.state, 'degraded')
    assert.match(JSON.stringify(status.problems), /cannot be read/)
    // The file comes back: it is live without a restart.
    await rm(config, { recursive: true })
    await writeFile(
      config,
      configText({ model_list: [...model_list(), playedModel('new', `${stage.provider.url}/v1`)] }),
    )
    const verdict = await gateway.json<{ applied: boolean }>('/config/reload', { method: 'POST' })
    assert.equal(verdict.applied, true)
    assert.match(await (await gateway.fetch('/v1/models')).text(), /"new"/)
  })

  it('is never ready when its first configuration is bad, and names the line', async () => {
    const config = stage.scratch.file('first-bad.yaml')
    await writeFile(config, 'model_list:\n  - model_name: x\n    litellm_params:\n      model: opnai/x\n')
    gateway = await startGateway({ config, waitReady: false })
    const said = await untilSaid(gateway, /first-bad\.yaml:4/)
    assert.match(said, /unknown provider `opnai`/)
    const readiness = await fetch(`${gateway.url}/health/readiness`).catch(() => undefined)
    assert.notEqual(readiness?.status, 200)
  })

  it('`status` with a wrong key says whose key was refused', async () => {
    gateway = await startGateway()
    const dataDir = stage.scratch.file('elsewhere')
    await mkdir(dataDir)
    await writeFile(`${dataDir}/master-key`, 'sk-of-another-gateway\n')
    const { url } = gateway
    const refusal = async (environment: NodeJS.ProcessEnv) =>
      run(process.execPath, [midflightPath, 'status', '--url', url, '--data-dir', dataDir], {
        env: { PATH: process.env.PATH, ...environment },
      }).then(
        () => assert.fail('it was taken'),
        (error: { stderr: string }) => error.stderr,
      )
    assert.match(await refusal({}), /refused the key of \S*elsewhere\/master-key; give the master key with --key/)
    assert.match(await refusal({ LITELLM_MASTER_KEY: 'sk-wrong' }), /refused the key of LITELLM_MASTER_KEY;/)
  })

  it('a second start on the same port exits with an error and leaves the first alone', async () => {
    const first = await startGateway()
    gateway = first
    const second = await startGateway({ port: first.port, waitReady: false })
    const exit = await second.exited
    assert.notEqual(exit.code, 0)
    assert.match(
      second.stdout() + second.stderr(),
      /address already in use.*; stop what listens there, or choose another with --port/,
    )
    assert.equal((await fetch(`${first.url}/health/readiness`)).status, 200)
  })
})

describe('started by `npm start`', { skip: process.platform === 'win32' && 'has no signals' }, () => {
  it('drains and goes when npm gets the signal, which npm and its shell keep to themselves', async (context) => {
    const port = await freePort()
    const npm = spawn(
      'npm',
      ['start', '--', '--host', '127.0.0.1', '--port', String(port), '--data-dir', stage.scratch.path],
      {
        cwd: fileURLToPath(new URL('..', import.meta.url)),
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { PATH: process.env.PATH, HOME: stage.scratch.path, MIDFLIGHT_DRAIN_NOTICE_SECONDS: '0' },
      },
    )
    context.after(() => leave(npm.pid))
    let said = ''
    npm.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const ready = async () => (await fetch(`http://127.0.0.1:${port}/health/readiness`)).status === 200
    await waitFor('readiness', ready, { withinMs: 15_000 })
    npm.kill('SIGTERM')
    // Its end of the pipe is closed when the last process that has it is gone.
    await waitFor('the end', () => npm.stderr.readableEnded, { withinMs: 15_000 })
    assert.match(said, /server\.drain\.finished/)
    await assert.rejects(ready())
  })
})

describe('started by an older Node', { skip: process.platform === 'win32' && 'has no parents that change' }, () => {
  it('gives the port back when that one is killed', async (context) => {
    const port = await freePort()
    const script = `MIDFLIGHT_LAUNCHER=$$ "$0" "$@" & wait`
    const flags = ['--host', '127.0.0.1', '--port', String(port), '--data-dir', stage.scratch.path]
    const launcher = spawn('sh', ['-c', script, process.execPath, midflightPath, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
      env: { PATH: process.env.PATH, HOME: stage.scratch.path },
    })
    context.after(() => leave(launcher.pid))
    launcher.stderr.resume()
    const ready = async () => (await fetch(`http://127.0.0.1:${port}/health/readiness`)).status === 200
    await waitFor('readiness', ready, { withinMs: 15_000 })
    launcher.kill('SIGKILL')
    // Its end of the pipe is closed when the last process that has it is gone.
    await waitFor('the end', () => launcher.stderr.readableEnded, { withinMs: 5_000 })
    await assert.rejects(ready())
  })
})

/** Ends what is left of a process group. */
function leave(group: number | undefined): void {
  try {
    if (group !== undefined) process.kill(-group, 'SIGKILL')
  } catch {
    // all of it is gone
  }
}

/** The command of the banner, with the lines it continues on. */
function curlLine(banner: string): string {
  const lines = banner.split('\n')
  const first = lines.findIndex((line) => /^\s*curl /.test(line))
  assert.notEqual(first, -1, `no curl line in:\n${banner}`)
  let last = first
  while (lines[last]?.trimEnd().endsWith('\\')) last += 1
  return lines.slice(first, last + 1).join('\n')
}

async function untilSaid(process: GatewayProcess, what: RegExp): Promise<string> {
  for (let round = 0; round < 100; round += 1) {
    const said = process.stdout() + process.stderr()
    if (what.test(said)) return said
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return assert.fail(`not said: ${what}\n${process.stdout()}\n${process.stderr()}`)
}
