import type { DialectName } from '../core/wire.ts'
import { suggest } from '../lib/suggest.ts'
import { anthropic } from './anthropic.ts'
import { azure, azureText } from './azure.ts'
import { azureAi } from './azure-ai.ts'
import { compatible } from './compatible.ts'
import { demo } from './demo.ts'
import { gemini } from './gemini.ts'
import { makerOf } from './infer.ts'
import { ollama, ollamaChat } from './ollama.ts'
import { openai, textCompletionOpenai } from './openai.ts'
import type { Provider, ProviderSettings } from './provider.ts'
import { unservedNamed } from './unserved.ts'

export { type SettingFault, settingFaults } from './setting-faults.ts'

/** Every provider. A new one is a file here or a row of `compatible.ts`, and this list. */
export const providers: readonly Provider[] = [
  openai,
  textCompletionOpenai,
  azure,
  azureText,
  azureAi,
  anthropic,
  gemini,
  ollama,
  ollamaChat,
  demo,
  ...compatible,
]

const byName: ReadonlyMap<string, Provider> = new Map(providers.map((provider) => [provider.name, provider]))

export function providerNamed(name: string): Provider | undefined {
  return byName.get(name)
}

/** The dialects a deployment with these settings can be asked in, preferred first within a family. */
export function dialectsOf(provider: Provider, settings: ProviderSettings): readonly DialectName[] {
  return provider.speaksAt?.(settings) ?? provider.speaks
}

export interface ProviderMatch {
  readonly provider: Provider
  /** In the provider's own spelling, without its prefix; keeps further slashes: `anthropic/claude-3` of `openrouter/anthropic/claude-3`. */
  readonly model: string
}

/**
 * Who serves `litellm_params.model`: `custom_llm_provider` if given, else the first step of the name, else the maker of a
 * well-known bare name, else the service that `api_base` belongs to.
 * @param model may hold a `*`
 * @returns `undefined` when nobody does; `whyNoProvider` tells the reason
 */
export function providerOf(model: string, customProvider?: string, apiBase?: string): ProviderMatch | undefined {
  if (customProvider !== undefined) {
    const provider = byName.get(customProvider)
    const prefix = `${customProvider}/`
    return provider && match(provider, model.startsWith(prefix) ? model.slice(prefix.length) : model)
  }
  const slash = model.indexOf('/')
  const prefixed = slash === -1 ? undefined : byName.get(model.slice(0, slash))
  if (prefixed !== undefined) return match(prefixed, model.slice(slash + 1))
  const provider = (slash === -1 ? byName.get(makerOf(model) ?? '') : undefined) ?? providerAt(apiBase)
  return provider && match(provider, model)
}

function match(provider: Provider, model: string): ProviderMatch {
  return { provider, model: provider.modelName?.(model) ?? model }
}

/** The service whose own host a base names. Local servers share hosts, so they are not found by it. */
function providerAt(apiBase: string | undefined): Provider | undefined {
  const host = apiBase === undefined ? undefined : URL.parse(apiBase)?.hostname
  if (host === undefined) return undefined
  return providers.find(
    ({ defaultBase, keyOptional }) => keyOptional !== true && URL.parse(defaultBase ?? '')?.hostname === host,
  )
}

/** The same for providers that LiteLLM serves and this version does not; no call may go there. */
export function unservedOf(model: string, customProvider?: string): ProviderMatch | undefined {
  const prefix = customProvider ?? model.slice(0, Math.max(0, model.indexOf('/')))
  // What the table has got in the meantime is served.
  const provider = byName.has(prefix) ? undefined : unservedNamed(prefix)
  return provider && { provider, model: model.startsWith(`${prefix}/`) ? model.slice(prefix.length + 1) : model }
}

/** Facts for a problem of the same code, see core/problem.ts. */
export type NoProvider =
  | { readonly code: 'provider_unknown'; readonly provider: string; readonly suggestion: string | undefined }
  | { readonly code: 'provider_ambiguous'; readonly model: string }

/** Why `providerOf` found nobody. */
export function whyNoProvider(model: string, customProvider?: string): NoProvider {
  const slash = model.indexOf('/')
  const provider = customProvider ?? (slash === -1 ? undefined : model.slice(0, slash))
  if (provider === undefined) return { code: 'provider_ambiguous', model }
  return { code: 'provider_unknown', provider, suggestion: suggest(provider, byName.keys()) }
}
