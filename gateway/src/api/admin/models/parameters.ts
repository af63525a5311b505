import type { CallPorts } from '../../../calls/ports.ts'
import type { Deployment } from '../../../core/deployment.ts'
import { callersName } from '../../../core/parameter-names.ts'
import type { ChatDialect } from '../../../dialects/dialect.ts'
import type { JsonObject } from '../../../lib/json.ts'

const tool = { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }

/** OpenAI's chat parameters, each with a value that any provider that knows it takes. */
const samples: JsonObject = {
  frequency_penalty: 0.5,
  logit_bias: { '50256': -100 },
  logprobs: true,
  top_logprobs: 2,
  max_tokens: 16,
  max_completion_tokens: 16,
  n: 1,
  presence_penalty: 0.5,
  response_format: { type: 'json_object' },
  seed: 1,
  stop: ['x'],
  temperature: 1,
  top_p: 1,
  tools: [tool],
  tool_choice: 'auto',
  parallel_tool_calls: true,
  user: 'somebody',
  reasoning_effort: 'low',
  service_tier: 'auto',
}

/** Taken by every provider, because the gateway itself answers to them. */
const always = ['stream', 'stream_options']

/** By what the answer depends on: thousands of deployments are of a few models. */
const known = new Map<string, readonly string[]>()
const mostKnown = 2_000

/**
 * OpenAI's parameters that reach the deployment's provider. Not a list that somebody keeps, but asked of the very encoder that calls
 * go through: a parameter is supported unless encoding it warns.
 */
export function supportedParameters(deployment: Deployment, dialect: CallPorts['dialect']): readonly string[] {
  const { parameters, provider, speaks, upstreamModel } = deployment
  const key = JSON.stringify([provider, upstreamModel, speaks, parameters.alwaysPass])
  let supported = known.get(key)
  if (supported === undefined) {
    if (known.size >= mostKnown) known.clear()
    supported = ask(deployment, dialect)
    known.set(key, supported)
  }
  return supported
}

function ask(deployment: Deployment, dialect: CallPorts['dialect']): readonly string[] {
  const provider = deployment.speaks.map(dialect).find((spoken) => spoken.family === 'chat')
  const caller = dialect('openai-chat')
  if (provider?.family !== 'chat' || caller.family !== 'chat') return []
  const { refuses, alwaysPass } = deployment.parameters
  const reached = Object.entries(samples).flatMap(([name, value]) => {
    if (alwaysPass.includes(name)) return [name]
    if (refuses.includes(name)) return []
    return provider.name === 'openai-chat' || encodes(name, value ?? null, caller, provider, deployment) ? [name] : []
  })
  return Object.freeze([...always, ...reached])
}

function encodes(
  name: string,
  value: NonNullable<JsonObject[string]> | null,
  caller: ChatDialect,
  provider: ChatDialect,
  deployment: Deployment,
): boolean {
  const needed = name === 'tool_choice' || name === 'parallel_tool_calls' ? { tools: [tool] } : {}
  const asked = name === 'top_logprobs' ? { logprobs: true } : {}
  const body = {
    model: deployment.upstreamModel,
    messages: [{ role: 'user', content: 'x' }],
    ...needed,
    ...asked,
    [name]: value,
  }
  const request = { ...caller.decodeRequest(body), model: deployment.upstreamModel }
  const { warnings } = provider.encodeRequest(request)
  return [...warnings, ...(request.warnings ?? [])].every(
    ({ type, parameter }) => type !== 'unsupported' || callersName(caller.names, parameter) !== name,
  )
}
