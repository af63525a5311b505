import type { Inputs } from '../core/input.ts'
import { referenceOf } from '../core/reference.ts'
import type { Layer } from '../core/resource.ts'
import { isObject, type JsonObject } from '../lib/json.ts'
import { redisUrlOf } from '../lib/redis-url.ts'

/** What of a file is needed before the store can be opened; read once, at start. */
export interface BootSettings {
  /** `general_settings.database_url` */
  readonly databaseUrl: string | undefined
  /** `general_settings.master_key` */
  readonly masterKey: string | undefined
  /** `router_settings.redis_url`, `redis_host` …, else `litellm_settings.cache_params` of type `redis`. */
  readonly redisUrl: string | undefined
}

type Read = (section: JsonObject, key: string) => Promise<string | undefined>

/** The values as they are now; `undefined` where they are not set, or refer to nothing. */
export async function bootSettingsOf({ resources }: Layer, inputs: Pick<Inputs, 'read'>): Promise<BootSettings> {
  const spec = resources.find(({ kind }) => kind === 'settings')?.spec ?? {}
  const read: Read = async (section, key) => {
    const written = section[key]
    if (typeof written === 'number') return String(written)
    if (typeof written !== 'string' || written === '') return undefined
    const reference = referenceOf(written)
    if (reference === undefined) return written
    const content = await inputs.read(reference)
    return content.found ? content.value.reveal() || undefined : undefined
  }
  const general = sectionOf(spec, 'general_settings')
  return {
    databaseUrl: await read(general, 'database_url'),
    masterKey: await read(general, 'master_key'),
    redisUrl: await readRedis(spec, read),
  }
}

async function readRedis(spec: JsonObject, read: Read): Promise<string | undefined> {
  const ofRouter = await redisIn(sectionOf(spec, 'router_settings'), 'redis_', read)
  if (ofRouter !== undefined) return ofRouter
  const cache = sectionOf(sectionOf(spec, 'litellm_settings'), 'cache_params')
  return cache.type === 'redis' ? redisIn(cache, '', read) : undefined
}

async function redisIn(section: JsonObject, prefix: 'redis_' | '', read: Read): Promise<string | undefined> {
  const piece = (name: string) => read(section, prefix + name)
  return redisUrlOf({
    url: await piece('url'),
    host: await piece('host'),
    port: await piece('port'),
    username: await piece('username'),
    password: await piece('password'),
    db: await piece('db'),
    secure: section[`${prefix}ssl`] === true,
  })
}

function sectionOf(spec: JsonObject, name: string): JsonObject {
  const section = spec[name]
  return isObject(section) ? section : {}
}
