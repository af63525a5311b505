import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { it } from 'node:test'
import { promisify } from 'node:util'
import type { PlayedProvider } from '../gateway/test/played/provider.ts'
import { startCluster } from './cluster.ts'
import { haproxyMissing, startHaproxy } from './haproxy.ts'
import { type GatewayProcess, masterKey, startGateway } from './processes.ts'
import { pythonMissing } from './python.ts'
import { playedStage } from './stage.ts'

/**
 * The commands of the hot-swap guide, with what its page lost or takes for granted: the indentation, the variables exported, and
 * Python called by the name that it has everywhere.
 */
const register = `
MASTER_KEY=$(awk -F= '$1=="LITELLM_MASTER_KEY"{print $2}' volumes/env/.env)
export MASTER_KEY
export OPENAI_API_KEY=$(awk -F= '$1=="OPENAI_API_KEY"{print $2}' volumes/env/.env)
python3 - <<'PY'
import os, requests
master = os.environ['MASTER_KEY'].strip()
base = 'http://localhost:10999'
models = [
    {
        "model_name": "openai/gpt-5",
        "litellm_params": {
            "model": "gpt-5",
            "custom_llm_provider": "openai",
            "api_key": "os.environ/LITELLM_OPENAI_API_KEY"
        },
        "model_info": {
            "provider": "openai",
            "description": "OpenAI GPT-5"
        }
    },
    {
        "model_name": "openai/gpt-5-mini",
        "litellm_params": {
            "model": "gpt-5-mini",
            "custom_llm_provider": "openai",
            "api_key": "os.environ/LITELLM_OPENAI_API_KEY"
        },
        "model_info": {
            "provider": "openai",
            "description": "OpenAI GPT-5 mini"
        }
    },
    {
        "model_name": "anthropic/claude-sonnet-4-5",
        "litellm_params": {
            "model": "claude-sonnet-4-5",
            "custom_llm_provider": "anthropic",
            "api_key": "os.environ/LITELLM_ANTHROPIC_API_KEY"
        },
        "model_info": {
            "provider": "anthropic",
            "description": "Anthropic Claude Sonnet 4.5"
        }
    }
]
for payload in models:
    resp = requests.post(
        f"{base}/model/new",
        headers={"Authorization": f"Bearer {master}", "Content-Type": "application/json"},
        json=payload,
        timeout=60,
    )
    if resp.status_code not in (200, 201, 409):
        raise SystemExit(f"Failed to register {payload['model_name']}: {resp.status_code} {resp.text}")
    print(payload['model_name'], '=>', resp.status_code)
PY
`

const relax = `
MASTER_KEY=$(awk -F= '$1=="LITELLM_MASTER_KEY"{print $2}' volumes/env/.env)
VK=$(awk -F= '$1=="OPENAI_API_KEY"{print $2}' volumes/env/.env)
export MASTER_KEY VK
python3 - <<'PY'
import os, requests, json
resp = requests.post(
    'http://localhost:10999/key/update',
    headers={
        'Authorization': f"Bearer {os.environ['MASTER_KEY'].strip()}",
        'Content-Type': 'application/json'
    },
    json={'key': os.environ['VK'].strip(), 'models': []},
    timeout=60,
)
print(json.dumps(resp.json(), indent=2))
PY
`

const run = promisify(execFile)
const guidePort = 10_999
const stage = playedStage()

it('the guide’s commands register three models and open the key, and each model answers at once', async (context) => {
  const missing = await whatIsMissing()
  if (missing !== undefined) return context.skip(missing)
  const gateway = await startGateway({ port: guidePort, environment: secretsOf(stage.provider) })
  context.after(() => gateway.stop())
  await playTheGuide([gateway])
})

it('the same commands do the same to three replicas on PostgreSQL behind HAProxy', async (context) => {
  const missing = (await whatIsMissing()) ?? haproxyMissing()
  if (missing !== undefined) return context.skip(missing)
  const cluster = await startCluster({ models: [], environment: secretsOf(stage.provider) })
  if (cluster === undefined) return context.skip('PostgreSQL is not installed')
  context.after(() => cluster.stop())
  const haproxy = await startHaproxy(
    cluster.replicas.map(({ port }) => port),
    guidePort,
  )
  context.after(() => haproxy.stop())
  await playTheGuide(cluster.replicas)
})

/** The raw keys are in the environment only, from where the guide's models refer to them. */
function secretsOf({ url }: PlayedProvider): Readonly<Record<string, string>> {
  return {
    LITELLM_OPENAI_API_KEY: 'sk-played-openai-canary',
    LITELLM_ANTHROPIC_API_KEY: 'sk-ant-played-canary',
    OPENAI_BASE_URL: `${url}/v1`,
    ANTHROPIC_BASE_URL: url,
  }
}

async function playTheGuide(gateways: readonly GatewayProcess[]): Promise<void> {
  const [first] = gateways
  assert.ok(first)
  const made = await first.json<{ key: string }>('/key/generate', {
    method: 'POST',
    body: JSON.stringify({ models: ['gpt-4o-mini'], key_alias: 'task-agent' }),
  })
  await mkdir(join(stage.scratch.path, 'volumes/env'), { recursive: true })
  await writeFile(
    join(stage.scratch.path, 'volumes/env/.env'),
    `LITELLM_MASTER_KEY=${masterKey}\nOPENAI_API_KEY=${made.key}\n`,
  )
  assert.equal((await ask(guidePort, made.key, 'openai/gpt-5')).status, 403, 'the key is still closed')

  const registered = await run('bash', ['-c', register], { cwd: stage.scratch.path })
  assert.equal(registered.stdout, 'openai/gpt-5 => 200\nopenai/gpt-5-mini => 200\nanthropic/claude-sonnet-4-5 => 200\n')
  const relaxed = await run('bash', ['-c', relax], { cwd: stage.scratch.path })
  assert.deepEqual(JSON.parse(relaxed.stdout).models, [])

  for (const { port } of gateways) {
    for (const name of ['openai/gpt-5', 'openai/gpt-5-mini', 'anthropic/claude-sonnet-4-5']) {
      const answer = await ask(port, made.key, name)
      assert.equal(answer.status, 200, `${name}: ${await answer.text()}`)
      assert.equal(stage.provider.ledger.last.model, name.slice(name.indexOf('/') + 1))
    }
  }
  for (const each of gateways) {
    const models = await each.json<{ data: { id: string }[] }>('/v1/models')
    assert.equal(models.data.filter(({ id }) => id.includes('/')).length, 3)
    const shown = await (await each.fetch('/model/info')).text()
    assert.ok(!`${shown}${each.stdout()}${each.stderr()}`.includes('canary'), 'the raw keys are nowhere')
  }
}

function ask(port: number, key: string, model: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Which model am I using?' }] }),
  })
}

async function whatIsMissing(): Promise<string | undefined> {
  const missing = await pythonMissing()
  if (missing !== undefined) return missing
  return (await isFree(guidePort)) ? undefined : `the guide's port ${guidePort} is taken`
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
