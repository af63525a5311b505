import { type ProblemCode, type ProblemFacts, problem, problemTable } from '../../gateway/src/core/problem.ts'

/** One example per class, so that the page shows messages as they are printed. */
const examples: { readonly [Code in ProblemCode]: ProblemFacts<Code> } = {
  file_unreadable: { file: 'config.yaml', reason: 'no such file' },
  file_too_large: { file: 'config.yaml', bytes: 20_000_000, limit: 16_777_216 },
  file_empty: { file: 'config.yaml' },
  encoding_invalid: { file: 'config.yaml', offset: 120 },
  yaml_invalid: { reason: 'duplicate key `model_name`' },
  document_not_mapping: { found: 'a list' },
  document_too_complex: { what: 'nodes', found: 2_000_000, limit: 1_000_000 },
  include_cycle: { chain: 'config.yaml → models.yaml → config.yaml' },
  key_unknown: { key: 'modle_list', suggestion: 'model_list' },
  key_not_supported: { key: 'cache', note: undefined },
  key_refused: { key: 'custom_auth', reason: 'it names code, and code is never taken from a configuration' },
  key_passed_on: { key: 'temprature', suggestion: 'temperature' },
  key_missing: { key: 'model_name' },
  value_invalid: { expected: 'a number', found: '"fast"' },
  name_duplicate: { name: 'openai-main', first: 'config.yaml:3:5' },
  deployment_duplicate: { first: 'config.yaml:3:5' },
  declared_twice: { kind: 'credential', name: 'openai', by: 'database' },
  provider_unknown: { provider: 'opnai', suggestion: 'openai' },
  provider_not_served: { provider: 'bedrock' },
  provider_ambiguous: { model: 'my-model' },
  provider_setting_missing: { provider: 'openai', setting: 'api_key', environment: 'OPENAI_API_KEY' },
  reference_missing: { what: 'model', name: 'gpt-4p', suggestion: 'gpt-4o' },
  alias_shadowed: { name: 'gpt-4o' },
  environment_missing: { name: 'OPENAI_API_KEY' },
  secret_unreadable: { file: '/run/secrets/openai', reason: 'no such file' },
  row_unreadable: { kind: 'deployment', name: '4f1c…', reason: 'it was sealed under another salt key' },
  store_away: { reason: 'connection refused' },
  models_vanished: { before: 100, after: 3 },
  last_good_unwritable: { file: 'last-good.json', reason: 'no space left on device' },
  last_good_unreadable: { file: 'last-good.json', reason: 'it is not JSON' },
  build_failed: { reason: 'an unexpected error' },
  price_map_unavailable: { hash: '3f2a9c01d4e5', reason: 'the store does not have it' },
  restart_required: { key: 'general_settings.database_url' },
}

/** Everything that can be wrong with a configuration, from the one table. */
export function problemsPage(): string {
  const rows = Object.keys(problemTable).map((code) => row(code as ProblemCode))
  return `
# Problems

What \`midflight validate\`, \`POST /config/reload\` and \`GET /config/status\` can say about a configuration. An error refuses the file it stands in as a whole
and the last accepted one serves on; a warning is shown and served. Every problem names its place: \`config.yaml:12:7\`.

| class | severity | for example | what to do |
|---|---|---|---|
${rows.join('\n')}
`
}

function row<Code extends ProblemCode>(code: Code): string {
  const { severity, message, hint } = problem(code, { origin: '', path: '' }, examples[code])
  const cell = (text: string) => text.replaceAll('|', '\\|')
  return `| \`${code}\` | ${severity} | ${cell(message)} | ${cell(hint ?? '')} |`
}
