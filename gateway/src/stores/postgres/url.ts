import type { ClientConfig } from 'pg'

/** Parameters that LiteLLM's database client reads and PostgreSQL's do not know. */
const prismaParameters = [
  'connection_limit',
  'pool_timeout',
  'pgbouncer',
  'socket_timeout',
  'connect_timeout',
  'statement_cache_size',
  'schema',
]

export interface Address {
  readonly config: ClientConfig
  /** `host:port/name`, for messages. */
  readonly label: string
}

/**
 * Reads a `DATABASE_URL` as it was written for LiteLLM. `sslmode` means what it means for libpq: `require` encrypts and does not ask
 * who answers, `verify-full` does.
 * @throws Error that does not show the URL, which holds a password
 */
export function readAddress(text: string): Address {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new Error(
      'DATABASE_URL is not a URL; write postgresql://user:password@host:5432/name, with special characters of the password as %40, %2F …',
    )
  }
  for (const name of prismaParameters) url.searchParams.delete(name)
  const mode = url.searchParams.get('sslmode')
  if (mode === 'prefer' || mode === 'allow') url.searchParams.delete('sslmode')
  else if (mode !== null) url.searchParams.set('uselibpqcompat', 'true')
  return {
    config: { connectionString: url.href },
    label: `${url.hostname || url.searchParams.get('host') || 'localhost'}:${url.port || '5432'}${url.pathname}`,
  }
}
