/**
 * What is wrong with something the operator declared, where, and what to do about it.
 * Problems are values: collected, never thrown one at a time. An `error` refuses the layer it is in; a `warning` is shown and served.
 */
export interface Problem {
  readonly severity: 'error' | 'warning'
  readonly code: ProblemCode
  /** Where the value stands: `config.yaml:12:7`, `environment`, `default`. */
  readonly origin: string
  /** Path of the value inside its document, e.g. `model_list[3].litellm_params.api_key`. */
  readonly path: string
  /** What is wrong, naming the value. Never holds a secret. */
  readonly message: string
  /** What to do. */
  readonly hint?: string
}

interface ProblemClass<Facts> {
  readonly severity: Problem['severity']
  readonly message: (facts: Facts) => string
  readonly hint?: (facts: Facts) => string | undefined
}

const of = <Facts>(entry: ProblemClass<Facts>): ProblemClass<Facts> => entry

/** Every class of problem the gateway can report. One test per class pins its exact message (issue 2, Shows 7). */
export const problemTable = {
  file_unreadable: of<{ file: string; reason: string }>({
    severity: 'error',
    message: ({ file, reason }) => `${file} cannot be read: ${reason}`,
    hint: () =>
      'check that the file exists and that the gateway may read it; a configuration that was accepted before goes on serving',
  }),
  file_too_large: of<{ file: string; bytes: number; limit: number }>({
    severity: 'error',
    message: ({ file, bytes, limit }) => `${file} has ${bytes} bytes, more than the limit of ${limit}`,
    hint: () => 'split the file with `include`, or raise MIDFLIGHT_MAX_CONFIG_BYTES',
  }),
  file_empty: of<{ file: string }>({
    severity: 'error',
    message: ({ file }) => `${file} is empty`,
    hint: () => 'an empty file is taken for a write in progress; to serve no models write `model_list: []`',
  }),
  encoding_invalid: of<{ file: string; offset: number }>({
    severity: 'error',
    message: ({ file, offset }) => `${file} is not valid UTF-8 at byte ${offset}`,
    hint: () => 'save the file as UTF-8',
  }),
  yaml_invalid: of<{ reason: string }>({
    severity: 'error',
    message: ({ reason }) => `not valid YAML: ${reason}`,
  }),
  document_not_mapping: of<{ found: string }>({
    severity: 'error',
    message: ({ found }) => `the document must be a mapping, found ${found}`,
    hint: () => 'start with `model_list:`',
  }),
  document_too_complex: of<{ what: string; found: number; limit: number }>({
    severity: 'error',
    message: ({ what, found, limit }) => `the document has ${found} ${what}, more than the limit of ${limit}`,
  }),
  include_cycle: of<{ chain: string }>({
    severity: 'error',
    message: ({ chain }) => `files include each other: ${chain}`,
    hint: () => 'remove one of the includes',
  }),
  key_unknown: of<{ key: string; suggestion: string | undefined }>({
    severity: 'warning',
    message: ({ key }) => `unknown key \`${key}\`, it has no effect`,
    hint: ({ suggestion }) => (suggestion === undefined ? 'remove it' : `did you mean \`${suggestion}\`?`),
  }),
  key_not_supported: of<{ key: string; note: string | undefined }>({
    severity: 'warning',
    message: ({ key, note }) =>
      `\`${key}\` is a LiteLLM setting that this version does not act on${note === undefined ? '' : `: ${note}`}`,
  }),
  key_refused: of<{ key: string; reason: string }>({
    severity: 'warning',
    message: ({ key, reason }) => `\`${key}\` is not honoured: ${reason}`,
  }),
  key_passed_on: of<{ key: string; suggestion: string }>({
    severity: 'warning',
    message: ({ key }) => `\`${key}\` is no setting, it is sent to the provider as a field of the request body`,
    hint: ({ suggestion }) => `did you mean \`${suggestion}\`?`,
  }),
  key_missing: of<{ key: string }>({
    severity: 'error',
    message: ({ key }) => `\`${key}\` is required`,
  }),
  value_invalid: of<{ expected: string; found: string }>({
    severity: 'error',
    message: ({ expected, found }) => `expected ${expected}, found ${found}`,
  }),
  name_duplicate: of<{ name: string; first: string }>({
    severity: 'error',
    message: ({ name, first }) => `\`${name}\` is already declared at ${first}`,
    hint: () => 'give each its own name',
  }),
  deployment_duplicate: of<{ first: string }>({
    severity: 'warning',
    message: ({ first }) => `the same deployment is declared at ${first}; this one is ignored`,
    hint: () => 'remove one, or give it its own `model_info.id`',
  }),
  declared_twice: of<{ kind: string; name: string; by: string }>({
    severity: 'warning',
    message: ({ kind, name, by }) =>
      `the ${kind} \`${name}\` is declared by ${by} too, which counts; this one has no effect`,
    hint: () => 'remove one of them, or give it a name of its own',
  }),
  provider_unknown: of<{ provider: string; suggestion: string | undefined }>({
    severity: 'error',
    message: ({ provider }) => `unknown provider \`${provider}\``,
    hint: ({ suggestion }) =>
      suggestion === undefined
        ? 'docs/reference/providers.md lists those of this version; for an OpenAI-compatible server write `openai/<model>` with `api_base`'
        : `did you mean \`${suggestion}\`?`,
  }),
  provider_not_served: of<{ provider: string }>({
    severity: 'warning',
    message: ({ provider }) => `this version does not serve \`${provider}\``,
    hint: () =>
      'the deployment is kept as a blocked one: calls go to the others of its name and to fallbacks; docs/reference/providers.md lists what is served',
  }),
  provider_ambiguous: of<{ model: string }>({
    severity: 'error',
    message: ({ model }) => `the provider of \`${model}\` is not known`,
    hint: ({ model }) =>
      `write it as \`<provider>/${model}\`, e.g. \`openai/${model}\`, or set \`custom_llm_provider\``,
  }),
  provider_setting_missing: of<{ provider: string; setting: string; environment: string | undefined }>({
    severity: 'error',
    message: ({ provider, setting }) => `provider \`${provider}\` needs \`${setting}\``,
    hint: ({ setting, environment }) =>
      environment === undefined
        ? `set \`${setting}\``
        : `set \`${setting}\`, or the environment variable ${environment}`,
  }),
  reference_missing: of<{ what: string; name: string; suggestion: string | undefined }>({
    severity: 'error',
    message: ({ what, name }) => `there is no ${what} \`${name}\``,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `did you mean \`${suggestion}\`?`),
  }),
  alias_shadowed: of<{ name: string }>({
    severity: 'warning',
    message: ({ name }) => `a model is named \`${name}\` too, so the alias has no effect`,
    hint: () =>
      'rename one of them, or declare the alias in `litellm_settings.model_alias_map`, which comes before models',
  }),
  environment_missing: of<{ name: string }>({
    severity: 'error',
    message: ({ name }) => `the environment variable ${name} is not set`,
    hint: ({ name }) => `set ${name} in the environment or in the environment file`,
  }),
  secret_unreadable: of<{ file: string; reason: string }>({
    severity: 'error',
    message: ({ file, reason }) => `the secret file ${file} cannot be read: ${reason}`,
    hint: () => 'mount the file, then the configuration is applied by itself',
  }),
  models_vanished: of<{ before: number; after: number }>({
    severity: 'error',
    message: ({ before, after }) => `${before - after} of ${before} deployments would vanish, more than half`,
    hint: () =>
      'this looks like a truncated file; if it is meant, reload with `?force=true` or `midflight reload --force`',
  }),
  last_good_unwritable: of<{ file: string; reason: string }>({
    severity: 'warning',
    message: ({ file, reason }) => `the accepted configuration cannot be kept in ${file}: ${reason}`,
    hint: () => 'without the copy a start needs a valid configuration; the gateway tries again at the next change',
  }),
  last_good_unreadable: of<{ file: string; reason: string }>({
    severity: 'warning',
    message: ({ file, reason }) => `the copy of the accepted configuration in ${file} is ignored: ${reason}`,
    hint: () => 'the next accepted configuration replaces it',
  }),
  build_failed: of<{ reason: string }>({
    severity: 'error',
    message: ({ reason }) => `the gateway failed to apply the configuration: ${reason}`,
    hint: () => 'the last accepted configuration goes on serving; please report this',
  }),
  row_unreadable: of<{ kind: string; name: string; reason: string }>({
    severity: 'error',
    message: ({ kind, name, reason }) => `the stored ${kind} \`${name}\` cannot be read: ${reason}`,
    hint: () => 'it serves as it was last read, or not at all; all other rows are not concerned',
  }),
  store_away: of<{ reason: string }>({
    severity: 'warning',
    message: ({ reason }) => `the store does not answer: ${reason}`,
    hint: () => 'what was read of it last goes on serving; changes by API are refused until it answers',
  }),
  price_map_unavailable: of<{ hash: string; reason: string }>({
    severity: 'error',
    message: ({ hash, reason }) => `the price map ${hash} cannot be had: ${reason}`,
    hint: () => 'the prices before it go on serving; reload the price map',
  }),
  restart_required: of<{ key: string }>({
    severity: 'warning',
    message: ({ key }) => `\`${key}\` is read at start only; the change takes effect at the next start`,
    hint: () => 'restart the replicas one by one',
  }),
} as const

export type ProblemCode = keyof typeof problemTable

/** What the message of a class is made of. */
export type ProblemFacts<Code extends ProblemCode> = Parameters<(typeof problemTable)[Code]['message']>[0]

/**
 * Builds a problem of one class.
 * @param where origin (`config.yaml:12:7`) and path (`model_list[0].model_name`) of the value
 */
export function problem<Code extends ProblemCode>(
  code: Code,
  where: { readonly origin: string; readonly path: string },
  facts: ProblemFacts<Code>,
): Problem {
  // The table's entries are keyed by `Code`, so the facts fit; TypeScript cannot correlate the two indexed types.
  const entry = problemTable[code] as ProblemClass<ProblemFacts<Code>>
  const hint = entry.hint?.(facts)
  return {
    severity: entry.severity,
    code,
    origin: where.origin,
    path: where.path,
    message: entry.message(facts),
    ...(hint === undefined ? {} : { hint }),
  }
}

export function isError({ severity }: Problem): boolean {
  return severity === 'error'
}

/** For the answer to a change by API: `deployment[a].litellm_params.model: … (hint)`, with the place where it is not what was sent. */
export function problemToSentence({ origin, path, message, hint }: Problem): string {
  const place = origin === 'database' ? path : [path, `at ${origin}`].filter((part) => part !== '').join(' ')
  return `${place === '' ? '' : `${place}: `}${message}${hint === undefined ? '' : ` (${hint})`}`
}

/** One line for a terminal or a log: `config.yaml:12:7 error model_list[0]: … (hint)`. */
export function problemToLine(problem: Problem): string {
  const path = problem.path === '' ? '' : ` ${problem.path}`
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`
  return `${problem.origin} ${problem.severity}${path}: ${problem.message}${hint}`
}
