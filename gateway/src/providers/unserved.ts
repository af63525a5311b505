import { demo } from './demo.ts'
import type { Provider } from './provider.ts'

/** Providers that LiteLLM's users may have in their files and that this version does not serve: LiteLLM's prefixes. */
const names: ReadonlySet<string> = new Set([
  ...['ai21', 'aleph_alpha', 'amazon_nova', 'anyscale', 'aws_polly', 'baseten', 'bedrock', 'bedrock_converse', 'bytez'],
  ...['clarifai', 'cloudflare', 'cohere', 'cohere_chat', 'databricks', 'datarobot', 'deepgram', 'elevenlabs', 'fal_ai'],
  ...['gigachat', 'github', 'github_copilot', 'heroku', 'huggingface', 'infinity', 'jina_ai', 'langgraph', 'maritalk'],
  ...['nlp_cloud', 'oci', 'oobabooga', 'ovhcloud', 'palm', 'petals', 'predibase', 'recraft', 'replicate', 'runwayml'],
  ...['sagemaker', 'sagemaker_chat', 'sap', 'snowflake', 'topaz', 'triton', 'vercel_ai_gateway', 'vertex_ai'],
  ...['vertex_ai_beta', 'voyage', 'wandb', 'watsonx', 'watsonx_text', 'xinference'],
])

/**
 * Stands for such a provider, so that one entry of it does not refuse a whole file: its deployments are kept, told as a warning, and never
 * asked. Were one asked, its host could not be found, as the demo's.
 * @returns `undefined` for any other name
 */
export function unservedNamed(name: string): Provider | undefined {
  return names.has(name) ? { ...demo, name, label: name } : undefined
}
