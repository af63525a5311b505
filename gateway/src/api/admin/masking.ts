import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'

/**
 * The one rule by which declared values are shown (contract 2.4): what is a secret for sure is left out, what may be one by its
 * name, its place or its look is shown as `first4****last4`. References (`os.environ/X`, `file:/x`) are no secrets and are shown, but
 * for what is left out in any case, as in LiteLLM.
 */

const none: ReadonlySet<string> = new Set()

/** Left out whatever they hold. */
const removed: ReadonlySet<string> = new Set([
  'api_key',
  'client_secret',
  'vertex_credentials',
  'aws_access_key_id',
  'aws_secret_access_key',
  'aws_session_token',
  'master_key',
])

/** Sections in which every text is somebody's header or variable. */
const secretSections: ReadonlySet<string> = new Set([
  'extra_headers',
  'headers',
  'credential_values',
  'environment_variables',
  'cache_params',
  'callback_settings',
])

const secretSegments: ReadonlySet<string> = new Set([
  'key',
  'keys',
  'secret',
  'secrets',
  'token',
  'password',
  'passwd',
  'passphrase',
  'pwd',
  'credential',
  'credentials',
  'auth',
  'authorization',
  'bearer',
  'cookie',
  'signature',
  'private',
  'dsn',
  'webhook',
  'webhooks',
])

/** Names that hold such a segment and are numbers or names that everybody may see. */
const harmless =
  /(^|_)costs?(_|$)|^(litellm_credential_name|credential_name|credential_info|max_tokens|max_(input|output|completion)_tokens|key_alias|token_rate_limit_type|litellm_key_header_name|allow_client_side_credentials)$/

/** A text that looks like a key wherever it was put: a well-known start, or what stands before an `@` in a URL or after its `?`. */
const keyLike = /^(sk-|xox[abp]-|gh[pousr]_|AKIA|AIza|eyJ|Bearer\s)/i

/**
 * What may be shown of a mapping that an operator or a caller declared.
 * @param inSecretSection whether every text in it is to be masked
 * @param open names at the top that are shown whatever they are called
 */
export function masked(value: JsonObject, inSecretSection = false, open: ReadonlySet<string> = none): JsonObject {
  const shown: [string, JsonValue][] = []
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined || (removed.has(key.toLowerCase()) && !inSecretSection)) continue
    const secret = inSecretSection || (isSecretName(key) && !open.has(key))
    shown.push([key, maskedValue(item, secret || secretSections.has(key.toLowerCase()))])
  }
  return Object.fromEntries(shown)
}

function maskedValue(value: JsonValue, secret: boolean): JsonValue {
  if (typeof value === 'string') return secret ? maskedText(value) : shownText(value)
  // A number under a secret's name may be a PIN, and true or false is nobody's secret.
  if (typeof value === 'number') return secret ? '****' : value
  if (Array.isArray(value)) return value.map((item) => maskedValue(item, secret))
  return isObject(value) ? masked(value, secret) : value
}

/** Whether a name says that its value is a secret. */
export function isSecretName(name: string): boolean {
  if (harmless.test(name)) return false
  const segments = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
  return segments.some((segment) => secretSegments.has(segment) || segment.endsWith('apikey'))
}

/** `first4****last4`; too short for that: nothing of it. */
export function maskedText(value: string): string {
  if (value === '' || isReference(value)) return value
  return value.length < 16 ? '****' : `${value.slice(0, 4)}****${value.slice(-4)}`
}

function isReference(value: string): boolean {
  return /^(os\.environ\/\w+|file:\/[\w./-]+)$/.test(value)
}

/** A text that is shown: without the credentials that a URL may carry, and masked if it looks like a key itself. */
function shownText(value: string): string {
  if (keyLike.test(value)) return maskedText(value)
  if (!value.includes('://')) return value
  const url = URL.parse(value)
  if (url === null) return value
  const path = url.pathname.split('/').map((step) => (keyLike.test(step) ? '****' : step))
  const open = url.username === '' && url.password === '' && url.search === '' && !path.includes('****')
  if (open) return value
  const access = url.username === '' && url.password === '' ? '' : '****@'
  return `${url.protocol}//${access}${url.host}${path.join('/')}${url.search === '' ? '' : '?****'}`
}

/** A credential's values as `/credentials` shows them: `sy****ab` ([H]). */
export function maskedCredential(value: JsonValue): JsonValue {
  if (typeof value === 'string') {
    if (isReference(value)) return value
    return value.length < 8 ? '****' : `${value.slice(0, 2)}****${value.slice(-2)}`
  }
  if (Array.isArray(value)) return value.map(maskedCredential)
  if (isObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskedCredential(item ?? null)]))
  return value === null || typeof value === 'boolean' ? value : '****'
}
