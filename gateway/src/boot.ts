import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

/** What is read once, at start; everything else can change while the process runs. */
export interface BootOptions {
  /** `undefined`: no file; the providers whose keys are in the environment are offered. */
  readonly config: string | undefined
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly dataDirectory: string
  readonly environmentFile: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly logLevel: 'debug' | 'info'
  readonly maxConfigBytes: number | undefined
  readonly drainNoticeMs: number
  readonly drainMaxMs: number
  /** Of the store; `undefined`: what `DATABASE_URL` says, else SQLite in the data directory. */
  readonly databaseUrl: string | undefined
  /** Name of this process among the replicas; `undefined`: a new one at each start. */
  readonly replicaId: string | undefined
  /** Whether changes are told of at once, or found by looking every second. */
  readonly hints: boolean
}

/** The `serve` flags as the command line gives them; absent ones fall back to the environment, then to defaults. */
export interface ServeFlags {
  readonly config?: string
  readonly host?: string
  readonly port?: string
  readonly dataDir?: string
  readonly envFile?: string
  readonly detailed_debug?: boolean
  readonly debug?: boolean
  readonly database_url?: string
}

/** A value of the command line or the environment that cannot be used; the message names it and says what to do. */
export class BootError extends Error {
  override readonly name = 'BootError'
}

type Environment = Readonly<Record<string, string | undefined>>

const defaultPort = 4000
const defaultDataDirectory = '.midflight'

/** @throws BootError */
export function readBootOptions(flags: ServeFlags, environment: Environment): BootOptions {
  const debug = flags.detailed_debug === true || flags.debug === true || environment.LITELLM_LOG === 'DEBUG'
  return {
    config: flags.config ?? environment.CONFIG_FILE_PATH,
    host: flags.host ?? environment.HOST ?? '0.0.0.0',
    port: readPort(flags.port ?? environment.PORT),
    dataDirectory: resolve(flags.dataDir ?? environment.MIDFLIGHT_DATA_DIR ?? defaultDataDirectory),
    environmentFile: readEnvironmentFile(flags.envFile),
    environment,
    logLevel: debug ? 'debug' : 'info',
    maxConfigBytes: readNumber('MIDFLIGHT_MAX_CONFIG_BYTES', environment, undefined),
    drainNoticeMs: readNumber('MIDFLIGHT_DRAIN_NOTICE_SECONDS', environment, 15) * 1000,
    drainMaxMs: readNumber('MIDFLIGHT_DRAIN_MAX_SECONDS', environment, 600) * 1000,
    databaseUrl: flags.database_url,
    replicaId: environment.MIDFLIGHT_REPLICA_ID || undefined,
    hints: environment.MIDFLIGHT_DISABLE_NOTIFY !== '1',
  }
}

function readPort(text: string | undefined): number {
  if (text === undefined) return defaultPort
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new BootError(`port ${text} is not a number from 0 to 65535`)
  }
  return port
}

/** As LiteLLM does, `.env` in the working directory counts when no other file is named. */
function readEnvironmentFile(flag: string | undefined): string | undefined {
  if (flag !== undefined) {
    if (!existsSync(flag)) throw new BootError(`the environment file ${flag} does not exist`)
    return resolve(flag)
  }
  return existsSync('.env') ? resolve('.env') : undefined
}

function readNumber(name: string, environment: Environment, fallback: number): number
function readNumber(name: string, environment: Environment, fallback: undefined): number | undefined
function readNumber(name: string, environment: Environment, fallback: number | undefined): number | undefined {
  const text = environment[name]
  if (text === undefined || text === '') return fallback
  const number = Number(text)
  if (!(number >= 0)) throw new BootError(`${name}=${text} is not a number, 0 or more`)
  return number
}
