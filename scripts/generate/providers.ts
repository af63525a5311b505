import { providers } from '../../gateway/src/providers/index.ts'
import type { Provider } from '../../gateway/src/providers/provider.ts'

/** Every provider of this version: what it is called in `litellm_params.model`, where it is reached, what its key is called. */
export function providersPage(): string {
  const rows = providers
    .filter(({ name }) => name !== 'demo')
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map((provider) => `| \`${provider.name}/\` | ${keysOf(provider)} | ${baseOf(provider)} |`)
  return `# Providers

What \`litellm_params.model\` may begin with, or \`custom_llm_provider\` say. Where \`api_key\` or \`api_base\` is not given, the variable counts, the first that is set.

A server that speaks OpenAI's API and is not here is \`openai/<model>\` with its \`api_base\`. A deployment of a provider that LiteLLM has and that is not here
is kept as a blocked one, with a warning: its calls go to others of the same name, or to fallbacks. A name that nobody knows refuses the file it stands in, with its line.

| prefix | key | address |
|---|---|---|
${rows.join('\n')}
`
}

function keysOf({ environment, keyOptional }: Provider): string {
  const names = environment.apiKey.map((name) => `\`${name}\``).join(', ')
  if (keyOptional !== true) return names
  return names === '' ? 'none' : `${names}; not needed`
}

function baseOf({ environment, defaultBase }: Provider): string {
  const names = environment.apiBase.map((name) => `\`${name}\``)
  return [...names, ...(defaultBase === undefined ? ['yours'] : [`\`${defaultBase}\``])].join(', else ')
}
