import { Buffer } from 'node:buffer'
import type { Warning } from '../core/chat.ts'
import type { Deployment } from '../core/deployment.ts'
import { GatewayError } from '../core/errors.ts'
import type { DialectName } from '../core/wire.ts'
import type { ByteSpan } from '../lib/bytes.ts'
import { isObject, type JsonObject, type JsonValue, jsonString } from '../lib/json.ts'
import { removePath } from '../lib/json-path.ts'
import { scanTopLevel } from '../lib/json-scan.ts'
import type { Call } from './call.ts'
import { isGatewayField } from './options.ts'
import type { UpstreamBody } from './served.ts'

/** The policy that decides for one attempt: the call's, else the deployment's, else the operator's general one. */
function policyOf(call: Call, deployment: Deployment): 'error' | 'drop' | 'pass' {
  return call.options.unsupportedParameters ?? deployment.parameters.unsupported ?? call.settings.unsupportedParameters
}

/**
 * The body for a provider that speaks the caller's own dialect: the caller's bytes with the model renamed, and rewritten
 * only where the gateway or the operator must add or take something away.
 * @throws GatewayError `unsupported_parameter` where the policy says error
 */
export function relayBody(call: Call, deployment: Deployment, dialect: DialectName, model: string): UpstreamBody {
  const removed = fieldsToRemove(call, deployment, dialect)
  const additions = fieldsToAdd(call, deployment, dialect)
  if (removed.size === 0 && additions === undefined && !renames(call.body, deployment, dialect)) {
    const spliced = spliceModel(call, dialect, model)
    if (spliced !== undefined) return { bytes: spliced, dropped: none, changed: none }
  }
  const body: Record<string, JsonValue | undefined> = { ...deployment.defaults, ...call.body, ...additions, model }
  delete body.extra_body
  const dropped: string[] = []
  for (const [name, why] of removed) {
    delete body[name]
    if (why === 'policy') dropped.push(name)
  }
  dropped.push(...dropPaths(body, call, deployment))
  return { bytes: JSON.stringify(renamed(mergeExtraBody(body, deployment), deployment, dialect)), dropped, changed: [] }
}

/**
 * The body for a provider that speaks another dialect than the caller.
 * @param encoded the target's body, and the warnings of its encoder
 * @param nameOf the caller's own name for a field of the normal form
 */
export function translatedBody(
  call: Call,
  deployment: Deployment,
  dialect: DialectName,
  encoded: { readonly body: JsonObject; readonly warnings: readonly Warning[] },
  nameOf: (field: string) => string,
): UpstreamBody {
  const policy = policyOf(call, deployment)
  const body: Record<string, JsonValue | undefined> = { ...encoded.body }
  const dropped: string[] = []
  const changed: string[] = []
  const refused: string[] = []
  for (const warning of encoded.warnings) {
    const name = nameOf(warning.parameter)
    if (warning.type === 'changed') {
      changed.push(name)
    } else if (policy === 'pass' || passes(name, call, deployment)) {
      body[name] = call.body[name]
    } else if (policy === 'drop') {
      dropped.push(name)
    } else {
      refused.push(name)
    }
  }
  for (const name of deployment.parameters.refuses) {
    if (!(name in body) || passes(name, call, deployment) || policy === 'pass') continue
    delete body[name]
    if (!(name in call.body)) continue
    if (policy === 'drop') dropped.push(name)
    else refused.push(name)
  }
  if (refused.length > 0) throw unsupported(refused, deployment)
  dropped.push(...dropPaths(body, call, deployment))
  return {
    bytes: JSON.stringify(renamed(mergeExtraBody(body, deployment), deployment, dialect)),
    dropped,
    changed,
  }
}

function passes(name: string, call: Call, deployment: Deployment): boolean {
  return deployment.parameters.alwaysPass.includes(name) || call.options.alwaysPass.includes(name)
}

/** Contract 4.5: the message users of LiteLLM know. */
function unsupported(names: readonly string[], deployment: Deployment): GatewayError {
  return new GatewayError(
    'unsupported_parameter',
    `litellm.UnsupportedParamsError: ${deployment.provider} does not support parameters: ${JSON.stringify(names)}, for model=${deployment.upstreamModel}. To drop these, set \`drop_params: true\` in litellm_settings, on the deployment, or in the request; to send them anyway, list them in \`allowed_openai_params\`.`,
    names[0] === undefined ? {} : { param: names[0] },
  )
}

/** Fields that must not go up: the gateway's own, and those the provider refuses where the policy drops them. */
function fieldsToRemove(
  call: Call,
  deployment: Deployment,
  dialect: DialectName,
): ReadonlyMap<string, 'gateway' | 'policy'> {
  let removed: Map<string, 'gateway' | 'policy'> | undefined
  for (const name in call.body) {
    if (!isGatewayField(name, dialect)) continue
    removed ??= new Map()
    removed.set(name, 'gateway')
  }
  let refused: string[] | undefined
  for (const name of deployment.parameters.refuses) {
    if (!(name in call.body) || passes(name, call, deployment)) continue
    const policy = policyOf(call, deployment)
    if (policy === 'drop') {
      removed ??= new Map()
      removed.set(name, 'policy')
    }
    if (policy === 'error') {
      refused ??= []
      refused.push(name)
    }
  }
  if (refused !== undefined) throw unsupported(refused, deployment)
  return removed ?? nothing
}

const nothing: ReadonlyMap<string, 'gateway' | 'policy'> = new Map()

/** Fields that the call needs beyond what the caller wrote; `undefined` when the caller's bytes can go as they are. */
function fieldsToAdd(call: Call, deployment: Deployment, dialect: DialectName): JsonObject | undefined {
  let additions: Record<string, JsonValue> | undefined
  for (const name in deployment.defaults) if (call.body[name] === undefined) additions ??= {}
  if (deployment.parameters.alwaysDrop.length > 0 || call.options.alwaysDrop.length > 0) additions ??= {}
  if ('extra_body' in call.body) additions ??= {}
  // The provider is always asked for usage, so that the call can be accounted for; the relay hides it from callers who did not ask.
  if (
    call.stream &&
    isOpenAiStream(dialect) &&
    !asksForUsage(call.body) &&
    !deployment.parameters.refuses.includes('stream_options')
  ) {
    const own = call.body.stream_options
    additions = { ...additions, stream_options: { ...(isObject(own) ? own : {}), include_usage: true } }
  }
  return additions
}

function isOpenAiStream(dialect: DialectName): boolean {
  return dialect === 'openai-chat' || dialect === 'openai-completions'
}

export function asksForUsage(body: JsonObject): boolean {
  const options = body.stream_options
  return isObject(options) && options.include_usage === true
}

function renames(body: JsonObject, deployment: Deployment, dialect: DialectName): boolean {
  if (dialect !== 'openai-chat') return false
  for (const name in deployment.parameters.renames) if (name in body) return true
  return false
}

function renamed(body: JsonObject, deployment: Deployment, dialect: DialectName): JsonObject {
  if (!renames(body, deployment, dialect)) return body
  const result: Record<string, JsonValue | undefined> = {}
  for (const [name, value] of Object.entries(body)) result[deployment.parameters.renames[name] ?? name] = value
  return result
}

/** `extra_body` of the operator or the caller: fields put into the body as they are (LiteLLM, OpenAI SDK). */
function mergeExtraBody(body: Record<string, JsonValue | undefined>, deployment: Deployment): JsonObject {
  const extra = deployment.defaults.extra_body
  delete body.extra_body
  return isObject(extra) ? { ...extra, ...body } : body
}

function dropPaths(body: Record<string, JsonValue | undefined>, call: Call, deployment: Deployment): string[] {
  const dropped: string[] = []
  for (const path of [...deployment.parameters.alwaysDrop, ...call.options.alwaysDrop]) {
    if (removePath(body, path)) dropped.push(path)
  }
  return dropped
}

const none: readonly string[] = []
const modelToken = '"model"'
const modelKey = ['model'] as const

/** The caller's body with only the value of `model` replaced; `undefined` when the name is not written exactly once. */
function spliceModel(call: Call, dialect: DialectName, model: string): Buffer | string | undefined {
  const { sent } = call
  if (sent === undefined || dialect === 'gemini' || dialect === 'gemini-embeddings') return undefined
  const { bytes, text } = sent
  const span = soleModel(text ?? bytes, call.model) ?? scannedModel(bytes)
  if (span === undefined) return undefined
  if (model === call.model) return text ?? bytes
  const name = jsonString(model)
  if (text !== undefined) return text.slice(0, span.start) + name + text.slice(span.end)
  return Buffer.concat([bytes.subarray(0, span.start), Buffer.from(name), bytes.subarray(span.end)])
}

/**
 * Where the value of `model` stands, for a body that parses to an object with this model. The body was parsed already, so the key is
 * there; if its token occurs once and nothing is spelled with escapes, that is where.
 */
function soleModel(body: Buffer | string, model: string): ByteSpan | undefined {
  const at = body.indexOf(modelToken)
  if (at === -1 || body.indexOf(modelToken, at + modelToken.length) !== -1) return undefined
  // The search for a single character takes a third of the time, and few bodies have it.
  if (body.includes('\\') && body.includes('\\u')) return undefined
  const colon = body.indexOf(':', at + modelToken.length)
  const start = body.indexOf('"', colon)
  const end = start + model.length + 2
  // Only the plain spelling: what is escaped or not ASCII is left to the scanner.
  const found = typeof body === 'string' ? body.slice(start, end) : body.toString('latin1', start, end)
  return found === `"${model}"` ? { start, end } : undefined
}

function scannedModel(bytes: Buffer): ByteSpan | undefined {
  const [span] = scanTopLevel(bytes, 0, bytes.length, modelKey)
  return span === 'ambiguous' ? undefined : span
}
