import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { BackgroundChecks } from './api/admin/health/background.ts'
import { HealthChecker } from './api/admin/health/checker.ts'
import { Authenticator } from './api/authenticate.ts'
import { drain } from './api/drain.ts'
import { Answers } from './api/idempotency.ts'
import type { DescribedRoute } from './api/openapi.ts'
import { Metrics } from './api/ops/metrics.ts'
import { GatewayServer } from './api/server.ts'
import type { BootOptions } from './boot.ts'
import type { CallPorts } from './calls/ports.ts'
import { signalsOf } from './calls/route.ts'
import { bootSettingsOf } from './config/boot-settings.ts'
import { kinds } from './config/kinds/index.ts'
import type { Reconciler } from './config/reconciler.ts'
import { Slot } from './config/slot.ts'
import type { Changes } from './core/changes.ts'
import type { Verdict } from './core/resource.ts'
import type { Store } from './core/store.ts'
import { dialectNamed } from './dialects/index.ts'
import { Directory } from './directory/directory.ts'
import { systemClock as clock } from './lib/clock.ts'
import { Deadlines } from './lib/deadlines.ts'
import { createIds } from './lib/ids.ts'
import type { Log } from './lib/log.ts'
import { type BootKey, bootKey } from './master-key.ts'
import type { Feed } from './replicas/feed.ts'
import { DatabaseSource } from './sources/database/source.ts'
import { DeploymentStates } from './state/deployment-state.ts'
import { Traffic } from './state/traffic.ts'
import { openStore } from './stores/open.ts'
import { defaultStrategy, strategyNamed } from './strategies/index.ts'
import { openConfig } from './wiring/config.ts'
import { openDeclarations, openInputs, variable } from './wiring/inputs.ts'
import { openCallKeeping } from './wiring/ledger.ts'
import { openLimiting } from './wiring/limits.ts'
import { openPriceKeeping, openPriceMaps } from './wiring/prices.ts'
import { openReplica } from './wiring/replica.ts'
import { allRoutes } from './wiring/routes.ts'
import { identityOf, storeOptions } from './wiring/store.ts'

/** A gateway, wired and not yet started. */
export interface App {
  readonly reconciler: Reconciler
  readonly store: Store
  readonly feed: Feed
  readonly changes: Changes
  readonly key: BootKey
  /** Everything that it answers. */
  readonly routes: readonly DescribedRoute[]
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
  const { dataDirectory } = boot
  const warn = (message: string) => log.warn('input.watch.degraded', { message })
  const report: CallPorts['report'] = (event, facts, cause) => log.error(event, { ...facts, error: cause })
  const slot = new Slot()
  const settings = () => slot.current?.settings

  // What is declared, and the store.
  const inputs = openInputs(boot, warn)
  const declared = openDeclarations(boot, inputs, warn)
  const key = await bootKey(await variable(inputs, 'LITELLM_MASTER_KEY'), dataDirectory)
  const place = await storeOptions(boot, { inputs, source: declared, key, log })
  const { store, database, seal } = openStore(place)
  const reachable = (): boolean => store.health.up
  const stored = new DatabaseSource({
    store,
    identity: identityOf(place),
    kinds: new Set(kinds.map((kind) => kind.name)),
  })

  // What a call meets.
  const directory = new Directory({
    store,
    clock,
    reachable,
    report: (oddity) => log.warn('directory.record.odd', { ...oddity }),
  })
  const limiting = await openLimiting({
    database,
    clock,
    log,
    variable: (name) => variable(inputs, name),
    declaredRedis: async () => (await bootSettingsOf(await declared.refresh(), inputs)).redisUrl,
  })
  const keeping = openCallKeeping({
    database,
    dataDirectory,
    log,
    clock,
    retentionMs: () => settings()?.ledgerRetentionMs,
    spending: limiting.spending,
  })
  const states = new DeploymentStates()
  const traffic = new Traffic()
  const calls: CallPorts = {
    clock,
    deadlines: new Deadlines(clock),
    random: Math.random,
    states,
    traffic,
    limits: limiting.calls,
    ledger: keeping.calls,
    dialect: dialectNamed,
    signals: signalsOf(states, Math.random),
    strategy: (name) => strategyNamed(name) ?? defaultStrategy,
    report,
    sleep: (ms) => sleep(ms),
  }

  // What changes it.
  const metrics = new Metrics({
    traffic,
    limits: limiting,
    status: () => reconciler.status(),
    openCalls: () => server.openCalls,
  })
  const maps = openPriceMaps(database, dataDirectory)
  const reconciler = openConfig({
    boot,
    log,
    slot,
    inputs,
    declared,
    stored,
    store,
    sealer: seal,
    prices: maps,
    remembered: { states, traffic },
    onTurn: (turn) => metrics.onTurn(turn),
  })
  const replica = openReplica({
    replicaId: boot.replicaId,
    log,
    store,
    stored,
    reconciler,
    directory,
    draining: () => server.draining,
    onApplied: (delayMs, hinted) => metrics.onApplied(delayMs, hinted),
  })
  const { changes, feed } = replica
  const prices = openPriceKeeping({
    maps,
    changes,
    current: () => slot.current,
    environment: boot.environment,
    clock,
    log,
  })

  // Who is answered, and what.
  const authenticator = new Authenticator({
    bootKey: key.key,
    clock,
    directory,
    freshness: { reachable, leaseValid: () => feed.leaseValid(), confirm: () => feed.confirm() },
  })
  const checker = new HealthChecker(calls)
  const backgroundChecks = new BackgroundChecks({
    checker,
    acquire: () => slot.acquire(),
    clock,
    onUnexpected: (error) => log.error('health.round.failed', { error }),
  })
  const routes = allRoutes({
    boot,
    inputs,
    calls,
    directory,
    store,
    stored,
    reconciler,
    replica,
    limiting,
    prices: prices.updates,
    keeping,
    checker,
    authenticator,
    metrics,
    settings,
    health: () => ({ draining: server.draining, loaded: slot.current !== undefined, store: store.health }),
  })
  const server: GatewayServer = new GatewayServer({
    slot,
    authenticator,
    dialect: dialectNamed,
    clock,
    newId: createIds(),
    answers: new Answers({ claims: store.claims, onUnkept: (error) => log.warn('admin.answer.unkept', { error }) }),
    report,
    routes,
  })

  async function start() {
    const address = await server.listen(boot.host, boot.port)
    replica.listensAt(address.port)
    // A store that is away is told in the status, and comes back by itself.
    await store.start().catch(() => undefined)
    keeping.start()
    await limiting.start()
    const verdict = await reconciler.start()
    await feed.start()
    backgroundChecks.start()
    prices.schedule.start()
    return { address, verdict }
  }

  async function leave(noticeMs: number): Promise<void> {
    await drain(server, {
      noticeMs,
      maxMs: boot.drainMaxMs,
      sleep: (ms) => sleep(ms),
      log: (event, facts) => log.info(event, facts),
    })
    await prices.schedule.stop()
    await keeping.stop()
    await limiting.stop()
    await backgroundChecks.stop()
    await feed.stop()
    await reconciler.stop()
    await store.stop()
  }

  let leaving: Promise<void> | undefined
  return {
    reconciler,
    store,
    feed,
    changes,
    key,
    routes,
    start,
    stop(noticeMs = boot.drainNoticeMs) {
      leaving ??= leave(noticeMs)
      return leaving
    },
    configuresKey: () => settings()?.masterKey !== undefined,
    modelNames: () => slot.current?.models.names ?? [],
  }
}
