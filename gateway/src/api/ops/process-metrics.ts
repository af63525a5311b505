import { readdir, readFile } from 'node:fs/promises'
import { constants, monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import { type Buckets, bucketsOf, type Exposition } from './exposition.ts'

/** The event loop is looked at every so many ms; its delays include them. */
const loopResolutionMs = 10
const collectionBounds = [0.001, 0.01, 0.1, 1, 2, 5]
const nanosPerSecond = 1e9

const collectionKinds: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
}

/**
 * What the process itself shows of its health, under the names that prom-client gave them, so that dashboards for Node work. By
 * hand: that package and what it brings with it are 88 modules of every start.
 */
export class ProcessMetrics {
  readonly #delays = monitorEventLoopDelay({ resolution: loopResolutionMs })
  readonly #collections = new Map<string, Buckets>()
  readonly #startedAt = Math.round(Date.now() / 1000 - process.uptime())

  constructor() {
    this.#delays.enable()
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) this.#collected(entry)
    })
    observer.observe({ entryTypes: ['gc'] })
  }

  async write(to: Exposition): Promise<void> {
    await this.#writeProcess(to)
    await this.#writeLoop(to)
    writeActive(to)
    writeHeap(to)
    const [major = '', minor = '', patch = ''] = process.versions.node.split('.')
    to.family('nodejs_version_info', 'Node.js version info.', 'gauge')
    to.sample('nodejs_version_info', 1, { version: process.version, major, minor, patch })
    to.histograms(
      'nodejs_gc_duration_seconds',
      'Garbage collection duration by kind, one of major, minor, incremental or weakcb.',
      'kind',
      this.#collections,
    )
  }

  #collected(entry: PerformanceEntry): void {
    // Of the one type that is observed; what its detail is the types leave open.
    const { kind } = (entry as PerformanceEntry & { readonly detail: { readonly kind: number } }).detail
    const name = collectionKinds[kind] ?? 'other'
    bucketsOf(this.#collections, name, collectionBounds).observe(entry.duration / 1000)
  }

  async #writeProcess(to: Exposition): Promise<void> {
    const { system, user } = process.cpuUsage()
    const cpu = (name: string, help: string, micros: number) => to.single(name, help, 'counter', micros / 1e6)
    cpu('process_cpu_user_seconds_total', 'Total user CPU time spent in seconds.', user)
    cpu('process_cpu_system_seconds_total', 'Total system CPU time spent in seconds.', system)
    cpu('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', user + system)
    const gauge = (name: string, help: string, value: number | undefined) => {
      if (value !== undefined) to.single(name, help, 'gauge', value)
    }
    const start = 'Start time of the process since unix epoch in seconds.'
    gauge('process_start_time_seconds', start, this.#startedAt)
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', process.memoryUsage.rss())
    // Where there is no /proc these are not told.
    const [status, limits, open] = await Promise.all([
      readFile('/proc/self/status', 'latin1').catch(() => ''),
      readFile('/proc/self/limits', 'latin1').catch(() => ''),
      readdir('/proc/self/fd').catch(() => undefined),
    ])
    const kilobytes = (field: string) => numberIn(status, new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'), 1024)
    gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.', kilobytes('VmSize'))
    gauge('process_heap_bytes', 'Process heap size in bytes.', kilobytes('VmData'))
    // One of them is the directory that is read.
    gauge('process_open_fds', 'Number of open file descriptors.', open === undefined ? undefined : open.length - 1)
    const most = numberIn(limits, /^Max open files\s+(\d+)/m, 1)
    gauge('process_max_fds', 'Maximum number of open file descriptors.', most)
  }

  /** Of the time since the last scrape. */
  async #writeLoop(to: Exposition): Promise<void> {
    const gauge = (name: string, help: string, nanos: number) =>
      to.single(name, help, 'gauge', Number.isFinite(nanos) ? nanos / nanosPerSecond : 0)
    const before = process.hrtime.bigint()
    await nextTurn()
    gauge('nodejs_eventloop_lag_seconds', 'Lag of event loop in seconds.', Number(process.hrtime.bigint() - before))
    const delays = this.#delays
    const least = delays.count === 0 ? 0 : delays.min
    gauge('nodejs_eventloop_lag_min_seconds', 'The minimum recorded event loop delay.', least)
    gauge('nodejs_eventloop_lag_max_seconds', 'The maximum recorded event loop delay.', delays.max)
    gauge('nodejs_eventloop_lag_mean_seconds', 'The mean of the recorded event loop delays.', delays.mean)
    const deviation = 'The standard deviation of the recorded event loop delays.'
    gauge('nodejs_eventloop_lag_stddev_seconds', deviation, delays.stddev)
    for (const percent of [50, 90, 99]) {
      const help = `The ${percent}th percentile of the recorded event loop delays.`
      gauge(`nodejs_eventloop_lag_p${percent}_seconds`, help, delays.percentile(percent))
    }
    delays.reset()
  }
}

function writeActive(to: Exposition): void {
  // Not in the types; what the names mean has not changed since Node began.
  const { _getActiveHandles: handles, _getActiveRequests: requests } = process as unknown as Readonly<
    Record<'_getActiveHandles' | '_getActiveRequests', () => readonly object[]>
  >
  const byType = (name: string, help: string, total: string, types: readonly string[]) => {
    to.family(name, help, 'gauge')
    for (const [type, group] of Map.groupBy(types, (each) => each)) to.sample(name, group.length, { type })
    to.single(`${name}_total`, total, 'gauge', types.length)
  }
  const classes = (objects: readonly object[]) => objects.map((object) => object.constructor?.name ?? 'Object')
  byType(
    'nodejs_active_resources',
    'Number of active resources that are currently keeping the event loop alive, grouped by async resource type.',
    'Total number of active resources.',
    process.getActiveResourcesInfo(),
  )
  byType(
    'nodejs_active_handles',
    'Number of active libuv handles grouped by handle type. Every handle type is C++ class name.',
    'Total number of active handles.',
    classes(handles.call(process)),
  )
  byType(
    'nodejs_active_requests',
    'Number of active libuv requests grouped by request type. Every request type is C++ class name.',
    'Total number of active requests.',
    classes(requests.call(process)),
  )
}

function writeHeap(to: Exposition): void {
  const { external, heapTotal, heapUsed } = process.memoryUsage()
  to.single('nodejs_heap_size_total_bytes', 'Process heap size from Node.js in bytes.', 'gauge', heapTotal)
  to.single('nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.', 'gauge', heapUsed)
  to.single('nodejs_external_memory_bytes', 'Node.js external memory size in bytes.', 'gauge', external)
  const spaces = getHeapSpaceStatistics()
  const figures = { total: 'space_size', used: 'space_used_size', available: 'space_available_size' } as const
  for (const [what, figure] of Object.entries(figures)) {
    const name = `nodejs_heap_space_size_${what}_bytes`
    to.family(name, `Process heap space size ${what} from Node.js in bytes.`, 'gauge')
    for (const space of spaces) to.sample(name, space[figure], { space: space.space_name.replace(/_space$/, '') })
  }
}

function numberIn(text: string, pattern: RegExp, scale: number): number | undefined {
  const found = pattern.exec(text)?.[1]
  return found === undefined ? undefined : Number(found) * scale
}
