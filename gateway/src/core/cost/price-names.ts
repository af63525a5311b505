/**
 * The names under which a map may know a provider's model, most exact first (contract 1.7): with the provider, without, each
 * again without version and region, and at last what stands behind the last slash.
 */
export function namesFor(provider: string, model: string): readonly string[] {
  const stripped = withoutVersion(provider, model)
  const last = model.slice(model.lastIndexOf('/') + 1)
  const names = new Set([`${provider}/${model}`, model, `${provider}/${stripped}`, stripped, last])
  return [...names]
}

const region = /^(?:us-gov|us|eu|apac|global|jp|au|ca|sa)\./

function withoutVersion(provider: string, model: string): string {
  // `ft:gpt-4o-mini-2024-07-18:organization::id` costs what the fine-tuned base does.
  if (model.startsWith('ft:')) return model.split(':', 2).join(':')
  if (provider.startsWith('bedrock')) return model.replace(/^[a-z]{2}(?:-[a-z]+)+-\d\//, '').replace(region, '')
  const unpinned = model.replace(/@[\w.-]+$/, '')
  return /^(?:gemini|vertex_ai)/.test(provider) ? unpinned.replace(/-\d{3}$/, '') : unpinned
}

/** Providers that LiteLLM's map calls by another name than its config does. */
const alsoKnownAs: Readonly<Record<string, readonly string[]>> = {
  openai: ['text-completion-openai'],
  codestral: ['text-completion-codestral'],
  ollama_chat: ['ollama'],
  azure_ai: ['azure'],
  vertex_ai: ['gemini'],
  google: ['gemini'],
}

/** Whether an entry of the map's provider prices calls of this provider: `bedrock_converse` and `vertex_ai-…` are families. */
export function providesFor(entry: string, provider: string): boolean {
  if (entry === '' || entry === provider || alsoKnownAs[provider]?.includes(entry) === true) return true
  const next = entry.startsWith(provider) ? entry[provider.length] : undefined
  return next === '_' || next === '-'
}
