import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  CountedPools,
  type Declaration,
  layerOf,
  model,
  models,
  PlayedInputs,
  PlayedSource,
  prepareOnce,
} from '../../test/control-plane.ts'
import type { InputUri } from '../core/input.ts'
import { type Problem, type ProblemCode, problemToLine } from '../core/problem.ts'
import { systemClock } from '../lib/clock.ts'
import { createReconciler } from './reconcile.ts'
import type { ReconcilerOptions } from './reconciler.ts'
import { Slot } from './slot.ts'

/** One entry per class of problem that the control plane reports, with its exact message (issue 2, Shows 7). */
const classes: readonly {
  readonly code: ProblemCode
  readonly declared: Declaration
  readonly inputs?: Readonly<Record<InputUri, string>>
  readonly line: string
}[] = [
  {
    code: 'key_missing',
    declared: { models: [{ model_name: 'a', litellm_params: { api_key: 'k' } }] },
    line: 'config.yaml:1:21 error model_list[0].litellm_params.model: `model` is required',
  },
  {
    code: 'value_invalid',
    declared: { models: [model('a', '1', { timeout: 'fast' })] },
    line: 'config.yaml:1:23 error model_list[0].litellm_params.timeout: expected a number of seconds above 0, found "fast"',
  },
  {
    code: 'provider_unknown',
    declared: { models: [model('a', '1', { model: 'antropic/claude-sonnet-4-5' })] },
    line: 'config.yaml:1:21 error model_list[0].litellm_params.model: unknown provider `antropic` (did you mean `anthropic`?)',
  },
  {
    code: 'provider_unknown',
    declared: { models: [model('a', '1', { model: 'quantum_ai/q' })] },
    line: 'config.yaml:1:21 error model_list[0].litellm_params.model: unknown provider `quantum_ai` (docs/reference/providers.md lists those of this version; for an OpenAI-compatible server write `openai/<model>` with `api_base`)',
  },
  {
    code: 'provider_not_served',
    declared: { models: [model('a', '1', { model: 'bedrock/anthropic.claude-v2' })] },
    line: 'config.yaml:1:21 warning model_list[0].litellm_params.model: this version does not serve `bedrock` (the deployment is kept as a blocked one: calls go to the others of its name and to fallbacks; docs/reference/providers.md lists what is served)',
  },
  {
    code: 'provider_ambiguous',
    declared: { models: [model('a', '1', { model: 'my-own-model' })] },
    line: 'config.yaml:1:21 error model_list[0].litellm_params.model: the provider of `my-own-model` is not known (write it as `<provider>/my-own-model`, e.g. `openai/my-own-model`, or set `custom_llm_provider`)',
  },
  {
    code: 'provider_setting_missing',
    declared: { models: [model('a', '1', { api_key: null })] },
    line: 'config.yaml:1:23 error model_list[0].litellm_params.api_key: provider `openai` needs `api_key` (set `api_key`, or the environment variable OPENAI_API_KEY)',
  },
  {
    code: 'reference_missing',
    declared: {
      credentials: [{ credential_name: 'azure-west', credential_values: { api_key: 'k' } }],
      models: [model('a', '1', { litellm_credential_name: 'azure-wets' })],
    },
    line: 'config.yaml:2:39 error model_list[0].litellm_params.litellm_credential_name: there is no credential `azure-wets` (did you mean `azure-west`?)',
  },
  {
    code: 'environment_missing',
    declared: { models: [model('a', '1', { api_key: 'os.environ/NOPE' })] },
    line: 'config.yaml:1:23 error model_list[0].litellm_params.api_key: the environment variable NOPE is not set (set NOPE in the environment or in the environment file)',
  },
  {
    code: 'secret_unreadable',
    declared: { models: [model('a', '1', { api_key: 'file:/run/secrets/key' })] },
    line: 'config.yaml:1:23 error model_list[0].litellm_params.api_key: the secret file /run/secrets/key cannot be read: ENOENT: no such file or directory (mount the file, then the configuration is applied by itself)',
  },
  {
    code: 'key_not_supported',
    declared: { models: [model('a', '1', { aws_region_name: 'us-east-1' })] },
    line: 'config.yaml:1:31 warning model_list[0].litellm_params.aws_region_name: `aws_region_name` is a LiteLLM setting that this version does not act on',
  },
  {
    code: 'key_refused',
    declared: { models: [model('a', '1', { temperature: 'hot' })] },
    line: 'config.yaml:1:27 warning model_list[0].litellm_params.temperature: `temperature` is not honoured: a chat call takes no "hot" here; calls in another dialect than the provider\'s go without it',
  },
  {
    code: 'alias_shadowed',
    declared: { models: [model('a', '1'), model('b', '2')], aliases: [{ name: 'a', spec: { model: 'b' } }] },
    line: 'config.yaml:3:1 warning router_settings.model_group_alias.a: a model is named `a` too, so the alias has no effect (rename one of them, or declare the alias in `litellm_settings.model_alias_map`, which comes before models)',
  },
]

for (const { code, declared, inputs, line } of classes) {
  test(`${code}: ${line.slice(line.indexOf(': ') + 2)}`, async () => {
    const { problems, prepared } = await prepareOnce(declared, inputs)
    assert.deepEqual(
      problems.map((found) => [found.code, problemToLine(found)]),
      [[code, line]],
    )
    assert.equal(prepared === undefined, line.includes(' error '))
  })
}

/** What the loop reports of one source that offers these layers, one after the other. */
async function reportedBy(
  declarations: readonly Declaration[],
  options: Partial<ReconcilerOptions> = {},
): Promise<readonly Problem[]> {
  const source = new PlayedSource(layerOf(declarations[0] ?? {}))
  const reported: Problem[] = []
  const reconciler = createReconciler({
    sources: [{ source, required: true }],
    inputs: new PlayedInputs(),
    slot: new Slot(),
    openPool: new CountedPools().openPool,
    dataDirectory: undefined,
    clock: systemClock,
    onUnexpected: () => {},
    onTurn: (turn) => turn.type === 'last-good-failed' && reported.push(turn.problem),
    ...options,
  })
  await reconciler.start()
  for (const declaration of declarations.slice(1)) {
    source.edit(layerOf(declaration))
    await reconciler.refresh()
  }
  reported.push(...reconciler.status().problems)
  await reconciler.stop()
  return reported
}

test('models_vanished: 16 of 20 deployments would vanish, more than half', async () => {
  const problems = await reportedBy([{ models: models(20) }, { models: models(4) }])
  assert.deepEqual(problems.map(problemToLine), [
    'config.yaml:1:1 error model_list: 16 of 20 deployments would vanish, more than half (this looks like a truncated file; if it is meant, reload with `?force=true` or `midflight reload --force`)',
  ])
})

test('restart_required: the change takes effect at the next start', async () => {
  const declare = (limit: number): Declaration => ({
    settings: { general_settings: { database_connection_pool_limit: limit } },
  })
  assert.deepEqual((await reportedBy([declare(10), declare(20)])).map(problemToLine), [
    'config.yaml:1:48 warning general_settings.database_connection_pool_limit: `general_settings.database_connection_pool_limit` is read at start only; the change takes effect at the next start (restart the replicas one by one)',
  ])
})

test('build_failed: the gateway failed to apply the configuration', async () => {
  const problems = await reportedBy([{ models: [model('a', '1')] }], {
    openPool: () => {
      throw new Error('too many open files')
    },
  })
  assert.deepEqual(problems.map(problemToLine), [
    'gateway error: the gateway failed to apply the configuration: too many open files (the last accepted configuration goes on serving; please report this)',
  ])
})

test('last_good_unreadable and last_good_unwritable: the copy is ignored, or cannot be kept', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'midflight-'))
  try {
    const file = join(directory, 'last-good.json')
    await writeFile(file, '{')
    const [unreadable] = await reportedBy([{}], { dataDirectory: directory })
    assert.equal(
      unreadable && problemToLine(unreadable),
      `${file} warning: the copy of the accepted configuration in ${file} is ignored: it is not whole (the next accepted configuration replaces it)`,
    )
    const blocked = join(file, 'data')
    const problems = await reportedBy([{}], { dataDirectory: blocked })
    const inside = join(blocked, 'last-good.json')
    assert.equal(
      problems.map(problemToLine).at(-1),
      `${inside} warning: the accepted configuration cannot be kept in ${inside}: ENOTDIR: not a directory, mkdir (without the copy a start needs a valid configuration; the gateway tries again at the next change)`,
    )
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
