/** Where a Redis is, in pieces as people write them. */
export interface RedisPieces {
  readonly url: string | undefined
  readonly host: string | undefined
  readonly port: string | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: string | undefined
  readonly secure: boolean
}

/** The pieces as one URL; a URL that is given whole wins. @returns `undefined` when neither URL nor host is given */
export function redisUrlOf(pieces: RedisPieces): string | undefined {
  const { url, host, port = '6379', username = '', password, db = '0', secure } = pieces
  if (url !== undefined) return url
  if (host === undefined) return undefined
  const login = password === undefined ? '' : `${encodeURIComponent(username)}:${encodeURIComponent(password)}@`
  return `${secure ? 'rediss' : 'redis'}://${login}${host}:${port}/${db}`
}
