import { dump } from 'js-yaml'

/** One entry of `model_list`. */
export interface ModelEntry {
  readonly model_name: string
  readonly litellm_params: Readonly<Record<string, unknown>>
  readonly model_info?: Readonly<Record<string, unknown>>
}

export interface Configuration {
  readonly model_list: readonly ModelEntry[]
  readonly include?: readonly string[]
  readonly router_settings?: Readonly<Record<string, unknown>>
  readonly litellm_settings?: Readonly<Record<string, unknown>>
  readonly general_settings?: Readonly<Record<string, unknown>>
  readonly environment_variables?: Readonly<Record<string, unknown>>
}

/** A LiteLLM configuration as its YAML text. */
export function configText(config: Configuration): string {
  return dump(config, { lineWidth: -1 })
}

/** A deployment of the played provider, spoken to as OpenAI. */
export function playedModel(
  name: string,
  base: string,
  litellm: Readonly<Record<string, unknown>> = {},
  info?: Readonly<Record<string, unknown>>,
): ModelEntry {
  return {
    model_name: name,
    litellm_params: { model: `openai/${name}`, api_base: base, api_key: 'sk-played', ...litellm },
    ...(info === undefined ? {} : { model_info: info }),
  }
}
