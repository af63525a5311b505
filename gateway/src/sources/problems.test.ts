import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { type ProblemCode, problemToLine } from '../core/problem.ts'
import { createFileSource } from './file.ts'

/** The exact message of every class of problem that reading a file can give, as a terminal shows it. */

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'midflight-problems-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

/** Writes the files, reads the first one, and returns the problems of one class. */
async function read(
  code: ProblemCode,
  files: Readonly<Record<string, string | Buffer>>,
  maxBytes = 1_000_000,
): Promise<readonly string[]> {
  const names = Object.keys(files)
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
  const source = createFileSource({ path: join(folder, names[0] ?? 'config.yaml'), maxBytes })
  try {
    const { problems } = await source.refresh()
    return problems.filter((found) => found.code === code).map(problemToLine)
  } finally {
    await source.stop()
  }
}

test('file_unreadable', async () => {
  assert.deepEqual(await read('file_unreadable', {}), [
    'config.yaml error: config.yaml cannot be read: no such file (check that the file exists and that the gateway may read it; a configuration that was accepted before goes on serving)',
  ])
  assert.deepEqual(await read('file_unreadable', { 'config.yaml': 'include:\n- conf\n', 'conf/x.yaml': '' }), [
    'config.yaml:2:3 error include: conf cannot be read: not a regular file (check that the file exists and that the gateway may read it; a configuration that was accepted before goes on serving)',
  ])
})

test('file_too_large', async () => {
  assert.deepEqual(await read('file_too_large', { 'config.yaml': '#'.repeat(1_500) }, 1_000), [
    'config.yaml error: config.yaml has 1500 bytes, more than the limit of 1000 (split the file with `include`, or raise MIDFLIGHT_MAX_CONFIG_BYTES)',
  ])
})

test('file_empty', async () => {
  const line =
    'config.yaml error: config.yaml is empty (an empty file is taken for a write in progress; to serve no models write `model_list: []`)'
  assert.deepEqual(await read('file_empty', { 'config.yaml': '' }), [line])
  assert.deepEqual(await read('file_empty', { 'config.yaml': '\uFEFF \n\n' }), [line])
})

test('encoding_invalid', async () => {
  const bytes = Buffer.concat([Buffer.from('model_list: []\n# '), Buffer.from([0xff])])
  assert.deepEqual(await read('encoding_invalid', { 'config.yaml': bytes }), [
    'config.yaml error: config.yaml is not valid UTF-8 at byte 17 (save the file as UTF-8)',
  ])
})

test('yaml_invalid', async () => {
  assert.deepEqual(await read('yaml_invalid', { 'config.yaml': 'model_list: []\nmodel_list: []\n' }), [
    'config.yaml:2:1 error: not valid YAML: the key `model_list` appears twice, first at config.yaml:1:1',
  ])
})

test('document_not_mapping', async () => {
  assert.deepEqual(await read('document_not_mapping', { 'config.yaml': '- a\n' }), [
    'config.yaml:1:1 error: the document must be a mapping, found a list (start with `model_list:`)',
  ])
  assert.deepEqual(await read('document_not_mapping', { 'config.yaml': '# nothing yet\n' }), [
    'config.yaml error: the document must be a mapping, found nothing (start with `model_list:`)',
  ])
})

test('document_too_complex', async () => {
  const deep = `a: ${'['.repeat(70)}${']'.repeat(70)}\n`
  assert.deepEqual(await read('document_too_complex', { 'config.yaml': deep }), [
    'config.yaml:1:1 error: the document has 65 levels, more than the limit of 64',
  ])
})

test('include_cycle', async () => {
  assert.deepEqual(
    await read('include_cycle', {
      'config.yaml': 'include: [more/a.yaml]\n',
      'more/a.yaml': 'include: [../config.yaml]\n',
    }),
    [
      'more/a.yaml:1:11 error include: files include each other: config.yaml → more/a.yaml → config.yaml (remove one of the includes)',
    ],
  )
})

test('key_unknown', async () => {
  assert.deepEqual(await read('key_unknown', { 'config.yaml': 'model_list: []\nrouter_setings: {}\n' }), [
    'config.yaml:2:1 warning router_setings: unknown key `router_setings`, it has no effect (did you mean `router_settings`?)',
  ])
})

test('key_not_supported', async () => {
  assert.deepEqual(await read('key_not_supported', { 'config.yaml': 'general_settings: {public_routes: [/x]}\n' }), [
    'config.yaml:1:20 warning general_settings.public_routes: `public_routes` is a LiteLLM setting that this version does not act on: every other route than the public ones needs a key',
  ])
})

test('key_refused', async () => {
  assert.deepEqual(await read('key_refused', { 'config.yaml': 'general_settings: {custom_auth: my.auth}\n' }), [
    'config.yaml:1:20 warning general_settings.custom_auth: `custom_auth` is not honoured: it names code, and this gateway never runs code that a configuration names',
  ])
})

test('key_passed_on', async () => {
  const text = 'model_list: [{model_name: a, litellm_params: {model: m, stream_timout: 1}}]\n'
  assert.deepEqual(await read('key_passed_on', { 'config.yaml': text }), [
    'config.yaml:1:57 warning model_list[0].litellm_params.stream_timout: `stream_timout` is no setting, it is sent to the provider as a field of the request body (did you mean `stream_timeout`?)',
  ])
})

test('key_missing', async () => {
  assert.deepEqual(await read('key_missing', { 'config.yaml': 'credential_list: [{credential_values: {}}]\n' }), [
    'config.yaml:1:19 error credential_list[0]: `credential_name` is required',
  ])
})

test('value_invalid', async () => {
  assert.deepEqual(await read('value_invalid', { 'config.yaml': 'model_list: gpt-4o\nx: [.inf]\n' }), [
    'config.yaml:2:5 error x[0]: expected a finite number, found `.inf`',
    'config.yaml:1:13 error model_list: expected a list, found a text',
  ])
})

test('name_duplicate', async () => {
  const text = 'router_settings: {model_group_alias: {a: b}}\nlitellm_settings: {model_alias_map: {a: c}}\n'
  assert.deepEqual(await read('name_duplicate', { 'config.yaml': text }), [
    'config.yaml:1:42 error router_settings.model_group_alias.a: `a` is already declared at config.yaml:2:41 (give each its own name)',
  ])
})

test('deployment_duplicate', async () => {
  const entry = '- {model_name: a, litellm_params: {model: openai/a}}\n'
  assert.deepEqual(await read('deployment_duplicate', { 'config.yaml': `model_list:\n${entry}${entry}` }), [
    'config.yaml:3:3 warning model_list[1]: the same deployment is declared at config.yaml:2:3; this one is ignored (remove one, or give it its own `model_info.id`)',
  ])
})
