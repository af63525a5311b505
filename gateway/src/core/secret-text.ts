import { isObject, type JsonValue } from '../lib/json.ts'
import type { Endpoint } from './wire.ts'

/**
 * What a credential looks like. Providers echo the key they refused, mostly shortened, and proxies echo whole headers;
 * none of it belongs into an answer or a log (reliability section P).
 */
const secretForms: readonly RegExp[] = [
  // With a digit or of some length: "a Bearer token is missing" is no secret.
  /\bBearer\s+(?=\S*\d|\S{20})[^\s"',;}]+/gi,
  /\b(?:sk|rk|pk)-[\w*.-]{3,}[\w*]/g,
  /\bAIza[\w*-]{8,}/g,
  /\bAQ\.[\w*-]{16,}/g,
  /\bya29\.[\w*.-]{8,}/g,
  /\b(?:gsk|hf|r8|ghp|gho|ghs|fw|tgp_v1|github_pat)_[\w*]{6,}/g,
  /\b(?:xai|nvapi|pplx|csk|dapi|glpat)-[\w*-]{6,}/g,
  /\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*/g,
]

/** `x-api-key: …`, `api_key=…`, `?key=…`, `"apiKey": "…"`: the name stays, the value goes. */
const namedSecret =
  /((?:\bx-api-key|\bx-goog-api-key|\bapi[-_ ]?key(?: provided)?|\bauthorization|[?&]key)["']?\s*[:=]\s*["']?(?:basic\s+)?)([^\s"',;&}[]{6,})/gi

/** The text with everything that looks like a credential replaced by `[redacted]`. */
export function withoutSecrets(text: string): string {
  let clean = text
  for (const form of secretForms) clean = clean.replace(form, '[redacted]')
  return clean.replace(namedSecret, '$1[redacted]')
}

/** Header fields and parameters of a query that a provider may repeat: they tell nothing. */
const harmless = /^(content-type|content-length|accept|user-agent|host|[\w-]*version|[\w-]*beta|alt)$/

/** Shorter values are no secrets, and would be found in every other word. */
const shortestSecret = 6

/**
 * The secrets of one request, whatever they look like: a provider's refusal may repeat the very key that it refuses, and a proxy
 * on the way all headers.
 * @param defaults what the operator adds to the body
 */
export function secretsSent({ path, headers }: Endpoint, defaults: JsonValue): readonly string[] {
  const found = new Set<string>()
  const add = (value: string): void => {
    if (value.length >= shortestSecret) found.add(value)
  }
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const [name = '', value = ''] = headers.slice(index, index + 2)
    if (harmless.test(name.toLowerCase())) continue
    add(value)
    // `Bearer <token>`, and cookies: each may be repeated without what stands around it.
    for (const part of value.split(/[\s;,]+/)) {
      if (part !== value && !/^(bearer|basic)$/i.test(part)) add(part)
      if (part.includes('=')) add(part.slice(part.indexOf('=') + 1))
    }
  }
  for (const [name, value] of new URLSearchParams(path.split('?')[1] ?? '')) if (!harmless.test(name)) add(value)
  addSecrets(defaults, false, add)
  // What contains another goes first.
  return [...found].sort((one, other) => other.length - one.length)
}

/** The text without any of these values. */
export function withoutValues(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) clean = clean.replaceAll(secret, '[redacted]')
  return clean
}

/** Texts under names that stand for secrets, at any depth. */
function addSecrets(value: JsonValue | undefined, secret: boolean, add: (value: string) => void): void {
  if (typeof value === 'string' && secret) add(value)
  else if (Array.isArray(value)) for (const each of value) addSecrets(each, secret, add)
  else if (isObject(value)) {
    for (const [name, inner] of Object.entries(value)) {
      addSecrets(inner, secret || /key|token|secret|passw|credential|auth/i.test(name), add)
    }
  }
}
