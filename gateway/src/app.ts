import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { configRoutes } from './api/admin/config.ts'
import { Authenticator } from './api/authenticate.ts'
import { drain } from './api/drain.ts'
import { modelRoutes } from './api/inference/models.ts'
import { inferenceRoutes } from './api/inference/routes.ts'
import { healthRoutes } from './api/ops/health.ts'
import { Metrics, metricsRoute } from './api/ops/metrics.ts'
import { GatewayServer } from './api/server.ts'
import type { BootOptions } from './boot.ts'
import { signalsOf } from './calls/route.ts'
import type { Tools } from './calls/tools.ts'
import { prepare } from './config/prepare.ts'
import { createReconciler, type Reconciler, type Turn } from './config/reconcile.ts'
import { Slot } from './config/slot.ts'
import type { Snapshot } from './config/snapshot.ts'
import { UsagePool } from './config/usage-pool.ts'
import { type Problem, problemToLine } from './core/problem.ts'
import type { Source, Verdict } from './core/resource.ts'
import { dialectNamed } from './dialects/index.ts'
import { createInputs } from './inputs/inputs.ts'
import { systemClock } from './lib/clock.ts'
import { Deadlines } from './lib/deadlines.ts'
import { openPool } from './lib/http-client.ts'
import { createIds } from './lib/ids.ts'
import type { Log } from './lib/log.ts'
import { type BootKey, bootKey } from './master-key.ts'
import { providers } from './providers/index.ts'
import { createDefaultsSource } from './sources/defaults.ts'
import { createFileSource } from './sources/file.ts'
import { DeploymentStates } from './state/deployment-state.ts'
import { Traffic } from './state/traffic.ts'
import { defaultStrategy, strategyNamed } from './strategies/index.ts'

/** A gateway, wired and not yet started. */
export interface App {
  readonly reconciler: Reconciler
  readonly key: BootKey
  /** Listens first, so that probes are answered while the first configuration is read. */
  start(): Promise<{ readonly address: AddressInfo; readonly verdict: Verdict }>
  /**
   * Leaves without failing a call; idempotent, a second caller waits for the first one's end.
   * @param noticeMs time for load balancers to notice; the boot option's unless given
   */
  stop(noticeMs?: number): Promise<void>
  /** Whether the configuration that serves names the master key itself. */
  configuresKey(): boolean
  /** The names that a caller can use right away, in declaration order. */
  modelNames(): readonly string[]
}

/** The composition root: the only place that knows every part. Nothing here is read again after it was wired. */
export async function createApp(boot: BootOptions, log: Log): Promise<App> {
  const warn = (message: string) => log.warn('input.watch.degraded', { message })
  const inputs = createInputs(inputOptions(boot, warn))
  const declaredKey = await inputs.read('env:LITELLM_MASTER_KEY')
  const key = await bootKey(declaredKey.found ? declaredKey.value.reveal() : undefined, boot.dataDirectory)
  const slot = new Slot()
  const states = new DeploymentStates()
  const traffic = new Traffic()
  const report: Tools['report'] = (event, facts, cause) => log.error(event, { ...facts, error: cause })
  const tools: Tools = {
    clock: systemClock,
    deadlines: new Deadlines(systemClock),
    random: Math.random,
    states,
    traffic,
    dialect: dialectNamed,
    signals: signalsOf(states, Math.random),
    strategy: (name) => strategyNamed(name) ?? defaultStrategy,
    report,
    sleep: (ms) => sleep(ms),
  }
  const source: Source =
    boot.config === undefined
      ? createDefaultsSource({
          providers: providers.map((provider) => ({
            provider: provider.name,
            variables:
              provider.keyOptional === true
                ? [...provider.environment.apiKey, ...provider.environment.apiBase]
                : provider.environment.apiKey,
            requires: provider.defaultBase === undefined ? [provider.environment.apiBase] : [],
          })),
          inputs,
        })
      : createFileSource(fileOptions(boot.config, boot, warn))
  const reconciler = createReconciler({
    sources: [{ source, required: true }],
    inputs,
    slot,
    openPool,
    dataDirectory: boot.dataDirectory,
    clock: systemClock,
    retain: (snapshot) => forget(snapshot, states, traffic),
    onUnexpected: (error) => log.error('config.turn.failed', { error }),
    onTurn(turn) {
      logTurn(turn, log)
      metrics.onTurn(turn)
    },
  })
  const metrics = new Metrics({ traffic, status: () => reconciler.status(), openCalls: () => server.openCalls })
  const authenticator = new Authenticator({ bootKey: key.key, clock: systemClock })
  const server: GatewayServer = new GatewayServer({
    slot,
    authenticator,
    dialect: dialectNamed,
    clock: systemClock,
    newId: createIds(),
    report,
    routes: [
      ...inferenceRoutes(tools),
      ...modelRoutes(),
      ...configRoutes(reconciler),
      ...healthRoutes(() => ({ draining: server.draining, loaded: slot.current !== undefined })),
      metricsRoute(metrics, authenticator),
    ],
  })
  let stopping: Promise<void> | undefined

  async function leave(noticeMs: number): Promise<void> {
    await drain(server, {
      noticeMs,
      maxMs: boot.drainMaxMs,
      sleep: (ms) => sleep(ms),
      log: (event, facts) => log.info(event, facts),
    })
    await reconciler.stop()
  }

  return {
    reconciler,
    key,
    async start() {
      const address = await server.listen(boot.host, boot.port)
      const verdict = await reconciler.start()
      return { address, verdict }
    },
    stop(noticeMs = boot.drainNoticeMs) {
      stopping ??= leave(noticeMs)
      return stopping
    },
    configuresKey: () => slot.current?.settings.masterKey !== undefined,
    modelNames: () => slot.current?.models.names ?? [],
  }
}

/**
 * Reads a config file and prepares it as a start would, without serving it: connections are not opened before a call needs one.
 * @returns every problem, and whether the file would be accepted
 */
export async function checkConfig(
  path: string,
  boot: Pick<BootOptions, 'environment' | 'environmentFile' | 'maxConfigBytes'>,
): Promise<{ readonly accepted: boolean; readonly problems: readonly Problem[]; readonly deployments: number }> {
  const inputs = createInputs(inputOptions(boot))
  const source = createFileSource(fileOptions(path, boot))
  const pool = new UsagePool((key, error) => process.emitWarning(`${key} did not close: ${String(error)}`))
  try {
    const layer = await source.refresh()
    const outcome = await prepare([layer], undefined, { inputs, openPool, pool })
    if (!outcome.accepted) {
      return { accepted: false, problems: [...outcome.problems.values()].flat(), deployments: 0 }
    }
    const { prepared } = outcome
    prepared.release()
    return {
      accepted: true,
      problems: [...prepared.problems.values()].flat(),
      deployments: prepared.deployments.size,
    }
  } finally {
    await source.stop()
    await inputs.stop()
    await pool.closed()
  }
}

function inputOptions(boot: Pick<BootOptions, 'environment' | 'environmentFile'>, warn?: (message: string) => void) {
  return {
    environment: boot.environment,
    ...(boot.environmentFile === undefined ? {} : { environmentFile: boot.environmentFile }),
    ...(warn === undefined ? {} : { warn }),
  }
}

function fileOptions(path: string, boot: Pick<BootOptions, 'maxConfigBytes'>, warn?: (message: string) => void) {
  return {
    path,
    ...(boot.maxConfigBytes === undefined ? {} : { maxBytes: boot.maxConfigBytes }),
    ...(warn === undefined ? {} : { warn }),
  }
}

/** Drops what the process remembers of deployments that the snapshot does not name. */
function forget(snapshot: Snapshot, states: DeploymentStates, traffic: Traffic): void {
  states.retain((id) => snapshot.deployments.has(id))
  traffic.retain((_group, deployment) => deployment === '' || snapshot.deployments.has(deployment))
}

function logTurn(turn: Turn, log: Log): void {
  switch (turn.type) {
    case 'accepted':
      log.info('config.snapshot.published', {
        revision: turn.snapshot.revision,
        generation: turn.snapshot.generation,
        durationMs: Math.round(turn.durationMs),
        compiled: turn.compiled,
        reused: turn.reused,
        warnings: turn.problems.map(problemToLine),
      })
      return
    case 'refused':
      log.error('config.snapshot.refused', { sources: turn.sources, problems: turn.problems.map(problemToLine) })
      return
    case 'last-good-failed':
      log.warn('config.last-good.failed', { problem: problemToLine(turn.problem) })
      return
    default:
      turn satisfies never
  }
}
