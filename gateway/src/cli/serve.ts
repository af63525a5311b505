import { type Command, Option } from 'commander'
import { createApp } from '../app.ts'
import { BootError, type BootOptions, readBootOptions, type ServeFlags } from '../boot.ts'
import { problemToLine } from '../core/problem.ts'
import { createLog, type Log } from '../lib/log.ts'
import { reasonOf } from '../lib/reason.ts'
import { banner } from './banner.ts'

/** LiteLLM's other flags: taken, so that a `litellm …` line works with only the name changed, and answered with a warning. */
const litellmFlags: readonly (readonly [flag: string, note: string])[] = [
  ['--num_workers <n>', 'one process serves; run more replicas behind a load balancer'],
  ['--telemetry <on>', 'there is no telemetry'],
  ['--use_prisma_migrate', 'there is no Prisma'],
  ['--run_gunicorn', 'there is no Python server'],
  ['--run_hypercorn', 'there is no Python server'],
  ['--max_requests_before_restart <n>', 'no restarts are needed'],
  ['--request_timeout <seconds>', 'set litellm_settings.request_timeout in the config file'],
  ['--drop_params', 'set litellm_settings.drop_params in the config file'],
  ['--model <model>', 'list it under model_list in the config file'],
  ['--alias <name>', 'list it under model_list in the config file'],
  ['--api_base <url>', 'list it under model_list in the config file'],
  ['--max_budget <usd>', 'set litellm_settings.max_budget in the config file'],
  ['--keepalive_timeout <seconds>', 'fixed at 75 s, above the load balancers in common use'],
]

/** Flags whose silent loss would be a hole: refused instead of warned about. */
const refusedFlags: readonly (readonly [flag: string, reason: string])[] = [
  ['--ssl_keyfile_path <file>', 'TLS is not terminated here; put a load balancer in front'],
  ['--ssl_certfile_path <file>', 'TLS is not terminated here; put a load balancer in front'],
]

export function addServeOptions(command: Command): Command {
  command
    .option('-c, --config <file>', 'LiteLLM config.yaml; default CONFIG_FILE_PATH, else providers from the environment')
    .option('--host <host>', 'address to listen on; default 0.0.0.0')
    .option('-p, --port <port>', 'default 4000; 0 takes a free one')
    .option('--data-dir <dir>', 'where state is kept; default .midflight')
    .option('--database_url <url>', 'postgresql://…; default DATABASE_URL, else SQLite in the data directory')
    .option('--env-file <file>', 'environment file, watched; default .env if there is one')
    .option('--detailed_debug', 'debug log')
    .option('--debug', 'debug log')
  for (const [flag] of [...litellmFlags, ...refusedFlags]) command.addOption(new Option(flag).hideHelp())
  return command
}

export async function serve(flags: ServeFlags): Promise<void> {
  const boot = bootOptions(flags)
  const log = createLog(boot.logLevel)
  for (const note of ignoredFlags(flags)) log.warn('cli.flag.ignored', { note })
  // One request's stray rejection must not take the others down (F17); it is a bug all the same, so it is logged as one.
  process.on('unhandledRejection', (error) => log.error('process.rejection.unhandled', { error }))
  process.on('uncaughtException', (error) => log.error('process.exception.uncaught', { error }))
  try {
    const app = await createApp(boot, log)
    onSignals(app, log)
    const { address, verdict } = await app.start()
    process.stdout.write(
      banner({ boot, address, verdict, key: app.key, configuresKey: app.configuresKey(), models: app.modelNames() }),
    )
    if (!verdict.applied) {
      process.stderr.write(`${verdict.problems.map(problemToLine).join('\n')}\n`)
    }
  } catch (error) {
    process.stderr.write(`midflight cannot start: ${startReason(error)}\n`)
    log.flush()
    process.exit(1)
  }
}

function startReason(error: unknown): string {
  const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
  return taken ? `${error.message}; stop what listens there, or choose another with --port` : reasonOf(error)
}

function bootOptions(flags: ServeFlags): BootOptions {
  try {
    for (const [flag, reason] of refusedFlags) {
      if (given(flags, flag)) throw new BootError(`${flag.split(' ')[0]}: ${reason}`)
    }
    return readBootOptions(flags, process.env)
  } catch (error) {
    if (!(error instanceof BootError)) throw error
    process.stderr.write(`midflight cannot start: ${error.message}\n`)
    process.exit(1)
  }
}

function ignoredFlags(flags: ServeFlags): readonly string[] {
  return litellmFlags.filter(([flag]) => given(flags, flag)).map(([flag, note]) => `${flag.split(' ')[0]}: ${note}`)
}

function given(flags: ServeFlags, flag: string): boolean {
  const name = flag.split(' ')[0]?.slice(2) ?? ''
  return name in flags
}

/** SIGTERM drains with notice; SIGINT, from a terminal, without; SIGHUP reloads; SIGQUIT leaves at once. A second SIGTERM changes nothing (F04). */
function onSignals(app: Awaited<ReturnType<typeof createApp>>, log: Log & { flush(): void }): void {
  const stop = (noticeMs?: number) => {
    void app.stop(noticeMs).then(
      () => {
        log.flush()
        process.exit(0)
      },
      (error: unknown) => {
        log.error('process.stop.failed', { error })
        log.flush()
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', () => stop())
  process.on('SIGINT', () => stop(0))
  process.on('SIGQUIT', () => {
    log.flush()
    process.exit(1)
  })
  process.on('SIGHUP', () => void app.reconciler.refresh())
  onParentGone(process.env, stop)
}

const parentCheckMs = 500

/**
 * `npm start` passes a signal to the shell it runs, and that shell dies of it without telling us; an older Node that started this one
 * (`MIDFLIGHT_LAUNCHER`) is killed and cannot tell. Nobody would drain, and the port stay taken.
 */
function onParentGone(environment: NodeJS.ProcessEnv, stop: (noticeMs?: number) => void): void {
  const { npm_lifecycle_event: script, MIDFLIGHT_LAUNCHER: launcher } = environment
  if (script !== 'start' && launcher === undefined) return
  const parent = launcher === undefined ? process.ppid : Number(launcher)
  const check = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(check)
    // A signal was meant to end calls in their time; who kills wants the port for the next start.
    stop(launcher === undefined ? undefined : 0)
  }, parentCheckMs)
  check.unref()
}
