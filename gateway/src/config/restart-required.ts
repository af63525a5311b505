import { type Problem, problem } from '../core/problem.ts'
import type { Resource } from '../core/resource.ts'
import { isObject, type JsonObject } from '../lib/json.ts'

/** Keys of the settings that are read once, at start. Everything else takes effect when it is accepted. */
const bootOnlyKeys = [
  'general_settings.database_url',
  'general_settings.database_connection_pool_limit',
  'general_settings.database_connection_timeout',
  'router_settings.redis_url',
  'router_settings.redis_host',
  'router_settings.redis_port',
  'router_settings.redis_password',
  'router_settings.redis_db',
  'litellm_settings.cache_params',
]

/** The values that this process started with, so that a change and its undoing cancel out. */
export class BootValues {
  readonly #values: ReadonlyMap<string, string>

  constructor(settings: Resource) {
    this.#values = new Map(bootOnlyKeys.map((key) => [key, writtenAt(settings.spec, key)]))
  }

  /** Keys whose value is another one now. */
  changed(settings: Resource): readonly string[] {
    return bootOnlyKeys.filter((key) => writtenAt(settings.spec, key) !== this.#values.get(key))
  }

  /** The same as warnings. */
  problems(settings: Resource): readonly Problem[] {
    return this.changed(settings).map((key) =>
      problem('restart_required', { origin: settings.originOf(key), path: key }, { key }),
    )
  }
}

function writtenAt(spec: JsonObject, key: string): string {
  const [section = '', name = ''] = key.split('.')
  const values = spec[section]
  return JSON.stringify((isObject(values) ? values[name] : undefined) ?? null)
}
