import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemToLine } from '../../core/problem.ts'
import { parseConfiguration } from './parse.ts'

function linesOf(text: string): readonly string[] {
  const bytes = Buffer.from(text)
  return parseConfiguration([{ path: '/c.yaml', label: 'c.yaml', content: { type: 'bytes', bytes } }]).problems.map(
    problemToLine,
  )
}

test('an unknown key is named with its line and the key that was probably meant', () => {
  assert.deepEqual(linesOf('model_lst: []\ngeneral_settings:\n  master_kee: x\n  zzz: 1\n'), [
    'c.yaml:1:1 warning model_lst: unknown key `model_lst`, it has no effect (did you mean `model_list`?)',
    'c.yaml:3:3 warning general_settings.master_kee: unknown key `master_kee`, it has no effect (did you mean `master_key`?)',
    'c.yaml:4:3 warning general_settings.zzz: unknown key `zzz`, it has no effect (remove it)',
  ])
})

test('a key under the wrong heading is sent to the right one', () => {
  assert.deepEqual(linesOf('litellm_settings:\n  routing_strategy: least-busy\nmaster_key: x\n'), [
    'c.yaml:3:1 warning master_key: unknown key `master_key`, it has no effect (did you mean `general_settings.master_key`?)',
    'c.yaml:2:3 warning litellm_settings.routing_strategy: unknown key `routing_strategy`, it has no effect (did you mean `router_settings.routing_strategy`?)',
  ])
})

test('documented keys without effect say so, and what that means', () => {
  assert.deepEqual(linesOf('litellm_settings: {cache: true, json_logs: true}\nguardrails: []\n'), [
    'c.yaml:2:1 warning guardrails: `guardrails` is a LiteLLM setting that this version does not act on: content is not checked',
    'c.yaml:1:20 warning litellm_settings.cache: `cache` is a LiteLLM setting that this version does not act on: answers are not cached',
    'c.yaml:1:33 warning litellm_settings.json_logs: `json_logs` is a LiteLLM setting that this version does not act on',
  ])
})

test('code by configuration is refused, also as a dotted callback', () => {
  const reason = 'it names code, and this gateway never runs code that a configuration names'
  assert.deepEqual(linesOf('general_settings: {custom_auth: a.b}\nlitellm_settings:\n  callbacks: [my.handler]\n'), [
    `c.yaml:1:20 warning general_settings.custom_auth: \`custom_auth\` is not honoured: ${reason}`,
    'c.yaml:3:3 warning litellm_settings.callbacks: `callbacks` is a LiteLLM setting that this version does not act on: calls are not reported there',
    `c.yaml:3:15 warning litellm_settings.callbacks: \`callbacks: my.handler\` is not honoured: ${reason}`,
  ])
})

test('an unknown parameter is a field of the body, and suspect only when it nearly is a setting', () => {
  const model =
    'model_list:\n- model_name: a\n  litellm_params: {model: m, temperature: 0, top_k: 4, api_bse: x}\n  model_info: {anything: 1, supported_environments: t}\n  extra: 1\n'
  assert.deepEqual(linesOf(model), [
    'c.yaml:5:3 warning model_list[0].extra: unknown key `extra`, it has no effect (remove it)',
    'c.yaml:3:56 warning model_list[0].litellm_params.api_bse: `api_bse` is no setting, it is sent to the provider as a field of the request body (did you mean `api_base`?)',
    'c.yaml:4:29 warning model_list[0].model_info.supported_environments: `supported_environments` is a LiteLLM setting that this version does not act on',
  ])
})

test('retry policies are looked into', () => {
  const text = 'router_settings:\n  retry_policy: {TimeoutErrorRetrys: 1}\n  model_group_retry_policy: {a: {Foo: 1}}\n'
  assert.deepEqual(linesOf(text), [
    'c.yaml:2:18 warning router_settings.retry_policy.TimeoutErrorRetrys: unknown key `TimeoutErrorRetrys`, it has no effect (did you mean `TimeoutErrorRetries`?)',
    'c.yaml:3:34 warning router_settings.model_group_retry_policy.a.Foo: unknown key `Foo`, it has no effect (remove it)',
  ])
})
