import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { configurationRoutes } from './api/admin/configuration/routes.ts'
import { BackgroundChecks } from './api/admin/health/background.ts'
import { HealthChecker } from './api/admin/health/checker.ts'
import { adminRoutes } from './api/admin/index.ts'
import type { AdminParts } from './api/admin/parts.ts'
import { siteRoutes } from './api/admin/site.ts'
import { Authenticator } from './api/authenticate.ts'
import { drain } from './api/drain.ts'
import { Answers } from './api/idempotency.ts'
import { modelRoutes } from './api/inference/models.ts'
import { inferenceRoutes } from './api/inference/routes.ts'
import type { DescribedRoute } from './api/openapi.ts'
import { healthRoutes } from './api/ops/health.ts'
import { Metrics, metricsRoute } from './api/ops/metrics.ts'
import { GatewayServer } from './api/server.ts'
import type { BootOptions } from './boot.ts'
import { openCallKeeping } from './call-keeping.ts'
import { signalsOf } from './calls/route.ts'
import type { Tools } from './calls/tools.ts'
import { bootSettingsOf } from './config/boot-settings.ts'
import { createChanges } from './config/change.ts'
import { kinds } from './config/kinds/index.ts'
import { storeNumbering } from './config/numbering.ts'
import { prepare } from './config/prepare.ts'
import { createReconciler, type Reconciler, type Turn } from './config/reconcile.ts'
import { RefusalJournal } from './config/refusal-journal.ts'
import { revertChange } from './config/revert.ts'
import { Slot } from './config/slot.ts'
import type { Snapshot } from './config/snapshot.ts'
import { tryDeployment } from './config/trial.ts'
import { UsagePool } from './config/usage-pool.ts'
import type { Changes } from './core/changes.ts'
import type { Inputs } from './core/input.ts'
import { isError, type Problem, problemToLine } from './core/problem.ts'
import type { RecordId } from './core/record.ts'
import type { ReadableSource, Verdict } from './core/resource.ts'
import type { Store } from './core/store.ts'
import { dialectNamed } from './dialects/index.ts'
import { Directory } from './directory/directory.ts'
import { createInputs } from './inputs/inputs.ts'
import { systemClock } from './lib/clock.ts'
import { Deadlines } from './lib/deadlines.ts'
import { openPool } from './lib/http-client.ts'
import { createIds } from './lib/ids.ts'
import type { Log } from './lib/log.ts'
import { Secret } from './lib/secret.ts'
import { version } from './lib/version.ts'
import { openLimiting } from './limiting.ts'
import { type BootKey, bootKey } from './master-key.ts'
import { openPriceKeeping, openPriceMaps } from './price-keeping.ts'
import { providers } from './providers/index.ts'
import { confirmations } from './replicas/confirmations.ts'
import { Feed, leaseMs } from './replicas/feed.ts'
import { DatabaseSource } from './sources/database/source.ts'
import { createDefaultsSource } from './sources/defaults.ts'
import { createFileSource } from './sources/file.ts'
import { ignoredSetting } from './sources/litellm-yaml/documented-keys.ts'
import { DeploymentStates } from './state/deployment-state.ts'
import { Traffic } from './state/traffic.ts'
import { openStore, type StoreOptions } from './stores/open.ts'
import { type Rotation, rotateSeal } from './stores/rotate.ts'
import { defaultStrategy, strategies, strategyNamed } from './strategies/index.ts'

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
  const warn = (message: string) => log.warn('input.watch.degraded', { message })
  const inputs = createInputs(inputOptions(boot, warn))
  const declaredKey = await inputs.read('env:LITELLM_MASTER_KEY')
  const key = await bootKey(declaredKey.found ? declaredKey.value.reveal() : undefined, boot.dataDirectory)
  const slot = new Slot()
  const states = new DeploymentStates()
  const traffic = new Traffic()
  const report: Tools['report'] = (event, facts, cause) => log.error(event, { ...facts, error: cause })
  const source = declaringSource(boot, inputs, warn)
  const place = await storeOptions(boot, { inputs, source, key, log })
  const { store, database, seal } = openStore(place)
  const limiting = await openLimiting({
    database,
    clock: systemClock,
    log,
    variable: (name) => variable(inputs, name),
  })
  const { spending } = limiting
  const keeping = openCallKeeping({
    database,
    dataDirectory: boot.dataDirectory,
    log,
    clock: systemClock,
    retentionMs: () => slot.current?.settings.ledgerRetentionMs,
  })
  const priceMaps = openPriceMaps(database, boot.dataDirectory)
  const tools: Tools = {
    clock: systemClock,
    deadlines: new Deadlines(systemClock),
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
  const stored = new DatabaseSource({
    store,
    identity: identityOf(place),
    kinds: new Set(kinds.map((kind) => kind.name)),
  })
  const refusals = new RefusalJournal(store, (error) => log.warn('config.journal.failed', { error }))
  const reconciler = createReconciler({
    sources: [
      { source, required: true },
      { source: stored, required: false },
    ],
    numbering: storeNumbering(store),
    sealer: seal,
    inputs,
    slot,
    openPool,
    prices: priceMaps,
    dataDirectory: boot.dataDirectory,
    clock: systemClock,
    retain: (snapshot) => forget(snapshot, states, traffic),
    onUnexpected: (error) => log.error('config.turn.failed', { error }),
    onTurn(turn) {
      logTurn(turn, log)
      metrics.onTurn(turn)
      refusals.onTurn(turn)
    },
  })
  const reachable = (): boolean => store.health.up
  const directory = new Directory({
    store,
    clock: systemClock,
    reachable,
    report: (oddity) => log.warn('directory.record.odd', { ...oddity }),
  })
  const onRecords = (records: readonly RecordId[] | 'all') => directory.invalidate(records)
  const replicaId = boot.replicaId ?? randomUUID()
  const startedAt = systemClock.wall()
  let label = `${hostname()} pid ${process.pid}`
  const feed = new Feed({
    store,
    resources: stored,
    pull: () => reconciler.pull(stored.name),
    onRecords,
    onHead: (head) => reconciler.countFrom(head.revision),
    onApplied: (delayMs, hinted) => metrics.onApplied(delayMs, hinted),
    describe: () => ({
      id: replicaId,
      label,
      version,
      startedAt,
      draining: server.draining,
      ...replicaState(reconciler),
    }),
    clock: systemClock,
    random: Math.random,
    onUnexpected: (error) => log.error('replica.feed.failed', { error }),
  })
  const changes = createChanges({
    store,
    layer: stored,
    reconciler,
    onRecords,
    onCommitted: (head) => feed.committed(head),
    confirmations: (revision, how) =>
      confirmations(
        { store, id: replicaId, clock: systemClock, onReplica: (listener) => feed.onReplica(listener), leaseMs },
        revision,
        how,
      ),
    report,
    random: Math.random,
  })
  const prices = openPriceKeeping({
    maps: priceMaps,
    changes,
    current: () => slot.current,
    environment: boot.environment,
    clock: systemClock,
    log,
  })
  const metrics = new Metrics({
    traffic,
    limits: limiting,
    status: () => reconciler.status(),
    openCalls: () => server.openCalls,
  })
  const authenticator = new Authenticator({
    bootKey: key.key,
    clock: systemClock,
    directory,
    freshness: { reachable, leaseValid: () => feed.leaseValid(), confirm: () => feed.confirm() },
  })
  const checker = new HealthChecker(tools)
  const backgroundChecks = new BackgroundChecks({
    checker,
    acquire: () => slot.acquire(),
    clock: systemClock,
    onUnexpected: (error) => log.error('health.round.failed', { error }),
  })
  const routes: readonly DescribedRoute[] = [
    ...inferenceRoutes(tools, directory),
    ...modelRoutes(directory),
    ...configurationRoutes({
      reconciler,
      store,
      feed,
      stored,
      replicaId,
      limits: limiting.health,
      revert: (revision, how) => revertChange({ changes, store }, revision, how),
    }),
    ...adminRoutes(
      adminParts({
        changes,
        store,
        tools,
        ledger: keeping.ledger,
        checker,
        prices: prices.updates,
        spending,
        timezone: () => slot.current?.settings.limits.timezone ?? 'UTC',
        boot,
        inputs,
      }),
    ),
    ...healthRoutes(() => ({ draining: server.draining, loaded: slot.current !== undefined, store: store.health })),
    metricsRoute(metrics, authenticator),
    ...siteRoutes(() => routes),
  ]
  const server: GatewayServer = new GatewayServer({
    slot,
    authenticator,
    dialect: dialectNamed,
    clock: systemClock,
    newId: createIds(),
    answers: new Answers({ store, onUnkept: (error) => log.warn('admin.answer.unkept', { error }) }),
    report,
    routes,
  })
  let stopping: Promise<void> | undefined

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

  return {
    reconciler,
    store,
    feed,
    changes,
    key,
    routes,
    async start() {
      const address = await server.listen(boot.host, boot.port)
      label = `${hostname()}:${address.port} pid ${process.pid}`
      // A store that is away is told in the status, and comes back by itself.
      await store.start().catch(() => undefined)
      keeping.start()
      await limiting.start()
      const verdict = await reconciler.start()
      await feed.start()
      backgroundChecks.start()
      prices.schedule.start()
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

/**
 * Seals all that is stored with today's salt key; gateways may run meanwhile. What an earlier one sealed opens as in `createApp`.
 * @throws GatewayError `store_unavailable`
 */
export async function rotateSalt(boot: BootOptions, log: Log): Promise<Rotation> {
  const inputs = createInputs(inputOptions(boot))
  try {
    const key = await bootKey(await variable(inputs, 'LITELLM_MASTER_KEY'), boot.dataDirectory)
    const source = declaringSource(boot, inputs, () => undefined)
    const { store, database, seal } = openStore(await storeOptions(boot, { inputs, source, key, log }))
    try {
      await store.start()
      return await rotateSeal(database, seal)
    } finally {
      await store.stop()
      await source.stop()
    }
  } finally {
    await inputs.stop()
  }
}

/** What declares resources beside the store: the file, or without one the providers whose keys are set. */
function declaringSource(boot: BootOptions, inputs: Inputs, warn: (message: string) => void): ReadableSource {
  if (boot.config !== undefined) return createFileSource(fileOptions(boot.config, boot, warn))
  return createDefaultsSource({
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
}

/**
 * Where the store is and what seals it: flag or environment first, then the file. Replicas that have only the master key of
 * their file in common must seal with it, and not with a key that each has made for itself.
 */
async function storeOptions(
  boot: BootOptions,
  { inputs, source, key, log }: { inputs: Inputs; source: ReadableSource; key: BootKey; log: Log },
): Promise<StoreOptions> {
  const saltKey = await variable(inputs, 'LITELLM_SALT_KEY')
  const named = boot.databaseUrl ?? (await variable(inputs, 'DATABASE_URL'))
  const needsFile = named === undefined || (saltKey === undefined && key.from === 'generated')
  const file = needsFile ? await bootSettingsOf(await source.refresh(), inputs) : undefined
  const databaseUrl = named ?? file?.databaseUrl
  const shared = databaseUrl === undefined || file?.masterKey === undefined ? key.key : new Secret(file.masterKey)
  if (databaseUrl !== undefined && saltKey === undefined && shared === key.key && key.from === 'generated') {
    const message = 'no LITELLM_SALT_KEY and no master key: other replicas cannot read the secrets that this one stores'
    log.warn('store.seal.local', { message })
  }
  return {
    databaseUrl,
    dataDirectory: boot.dataDirectory,
    saltKey: saltKey === undefined ? shared : new Secret(saltKey),
    // What was stored before there was a salt key is sealed with the master key.
    previousSaltKeys: [...(await previousSaltKeys(inputs)), shared, key.key],
    clock: systemClock,
    log,
    hints: boot.hints,
  }
}

/** Tells one store from another, without its password: the last good copy of one must not serve for the other. */
function identityOf({ databaseUrl, dataDirectory }: StoreOptions): string {
  const url = databaseUrl === undefined ? null : URL.parse(databaseUrl)
  return url === null ? `sqlite ${databaseUrl ?? dataDirectory}` : `${url.protocol}//${url.host}${url.pathname}`
}

function adminParts(
  parts: Pick<AdminParts, 'changes' | 'store' | 'tools' | 'ledger' | 'checker' | 'prices' | 'spending' | 'timezone'> & {
    readonly boot: BootOptions
    readonly inputs: Inputs
  },
): AdminParts {
  const { boot, inputs, ...given } = parts
  return {
    ...given,
    environment: boot.environment,
    strategies: strategies.map(({ name }) => name),
    tryDeployment: (spec, snapshot) => tryDeployment(spec, snapshot, { inputs, openPool }),
    ignoredSetting,
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

/** Of the environment or the environment file; '' is none. */
async function variable(inputs: Inputs, name: string): Promise<string | undefined> {
  const content = await inputs.read(`env:${name}`)
  return content.found ? content.value.reveal() || undefined : undefined
}

/** `LITELLM_SALT_KEY_PREVIOUS`: a list, parted by commas. */
async function previousSaltKeys(inputs: Inputs): Promise<readonly Secret[]> {
  const list = (await variable(inputs, 'LITELLM_SALT_KEY_PREVIOUS')) ?? ''
  return list
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '')
    .map((key) => new Secret(key))
}

/** What the replica's row says of its configuration. */
function replicaState(reconciler: Reconciler) {
  const { generation, hash, state, sources, problems } = reconciler.status()
  const refused = state === 'refused' ? problems.find(isError) : undefined
  const newest = sources.find(
    ({ name, version: seen, appliedVersion }) => name === 'database' && seen !== appliedVersion,
  )
  return {
    generation,
    hash,
    state,
    refusedRevision: newest?.version === undefined ? undefined : Number.parseInt(newest.version, 10),
    refusal: refused === undefined ? undefined : problemToLine(refused),
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
