import { hash } from 'node:crypto'
import type { Inputs } from '../core/input.ts'
import type { Layer, ReadableSource, Resource } from '../core/resource.ts'
import type { JsonObject } from '../lib/json.ts'

/** What the defaults need to know of one provider; `app.ts` takes it from the providers shelf. */
export interface DefaultProvider {
  /** `openai`: the prefix of `openai/*`. */
  readonly provider: string
  /** Variables of which one must be set for the provider to be offered, e.g. `OPENAI_API_KEY`, `OLLAMA_HOST`. */
  readonly variables: readonly string[]
  /**
   * Settings without which the provider cannot be called at all: of each, one of its variables must be set too,
   * or the offer would be refused. Azure needs a key and a base.
   */
  readonly requires?: readonly (readonly string[])[]
}

export interface DefaultsSourceOptions {
  readonly providers: readonly DefaultProvider[]
  /** Where the variables are looked up, so that an edited environment file counts too. */
  readonly inputs: Pick<Inputs, 'read' | 'refresh'>
}

/** Bare names that can mean one provider's models only. Each has one `*`, which stands for the same in the upstream name. */
const bareNames: Readonly<Record<string, readonly string[]>> = {
  openai: ['gpt-*', 'chatgpt-*', 'o1*', 'o3*', 'o4-*', 'text-embedding-3-*', 'text-embedding-ada-*'],
  anthropic: ['claude-*'],
  gemini: ['gemini-*'],
  deepseek: ['deepseek-*'],
  mistral: ['mistral-*', 'codestral-*'],
  xai: ['grok-*'],
}

const demoAnswer =
  'This is a canned answer of the `demo` model: no provider was called. ' +
  'Set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY or OLLAMA_HOST, or start with --config config.yaml, to call real models.'

/**
 * The layer that serves when no file is given: every provider whose variables are set, by wildcard, and `demo`.
 * It looks again when it is refreshed.
 */
export function createDefaultsSource({ providers, inputs }: DefaultsSourceOptions): ReadableSource {
  let layer: Layer | undefined
  let told: Layer | undefined
  let offer: ((layer: Layer) => void) | undefined

  async function refresh(): Promise<Layer> {
    await inputs.refresh()
    const entries = await offeredEntries(providers, inputs)
    const next = toLayer(entries)
    if (layer === undefined || next.version !== layer.version) layer = next
    if (offer !== undefined && told !== layer) {
      told = layer
      offer(layer)
    }
    return layer
  }

  return {
    name: 'default',
    inputs: new Set(
      providers.flatMap(({ variables, requires = [] }) =>
        [variables, ...requires].flat().map((name) => `env:${name}` as const),
      ),
    ),
    async start(listener) {
      offer = listener
      await refresh()
    },
    refresh,
    async stop() {
      offer = undefined
    },
  }
}

async function offeredEntries(
  providers: readonly DefaultProvider[],
  inputs: Pick<Inputs, 'read'>,
): Promise<readonly JsonObject[]> {
  const entries: JsonObject[] = []
  const offered = new Set<string>()
  for (const { provider, variables, requires = [] } of providers) {
    // Some services have a second name with the same variables, e.g. `ollama` and `ollama_chat`; one is enough.
    const service = [...variables].sort().join(' ')
    if (offered.has(service)) continue
    const groups = await Promise.all([variables, ...requires].map((group) => anySet(group, inputs)))
    if (groups.includes(false)) continue
    offered.add(service)
    entries.push(entry(`${provider}/*`, { model: `${provider}/*` }))
    for (const name of bareNames[provider] ?? []) entries.push(entry(name, { model: `${provider}/${name}` }))
  }
  entries.push(entry('demo', { model: 'demo/demo', mock_response: demoAnswer }))
  return entries
}

function entry(modelName: string, parameters: JsonObject): JsonObject {
  return { litellm_params: parameters, model_info: { id: `default/${modelName}` }, model_name: modelName }
}

async function anySet(variables: readonly string[], inputs: Pick<Inputs, 'read'>): Promise<boolean> {
  for (const name of variables) {
    const content = await inputs.read(`env:${name}`)
    if (content.found && content.value.reveal() !== '') return true
  }
  return false
}

function toLayer(entries: readonly JsonObject[]): Layer {
  const resources = entries.map((spec, index): Resource => {
    const text = JSON.stringify(spec)
    return {
      kind: 'deployment',
      name: `default/${spec.model_name}`,
      spec,
      hash: hash('sha256', text, 'hex'),
      origin: 'default',
      path: `model_list[${index}]`,
      originOf: () => 'default',
    }
  })
  const version = hash('sha256', JSON.stringify(resources.map((resource) => resource.hash)), 'hex')
  return { source: 'default', version, resources, problems: [] }
}
