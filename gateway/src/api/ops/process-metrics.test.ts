import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { collectGarbage } from '../../../test/garbage.ts'
import { Exposition } from './exposition.ts'
import { ProcessMetrics } from './process-metrics.ts'

const line = /^[a-z_0-9]+(?:\{[a-z]+="[^"\\]*"(?:,[a-z]+="[^"\\]*")*\})? -?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/

async function scrape(metrics: ProcessMetrics): Promise<ReadonlyMap<string, number>> {
  const page = new Exposition()
  await metrics.write(page)
  const samples = page.toString().trimEnd().split('\n')
  const values = new Map<string, number>()
  for (const sample of samples.filter((text) => !text.startsWith('#'))) {
    assert.match(sample, line)
    const at = sample.lastIndexOf(' ')
    values.set(sample.slice(0, at), Number(sample.slice(at + 1)))
  }
  return values
}

test('the process shows its time, memory, descriptors, event loop and heap under the usual names', async () => {
  const metrics = new ProcessMetrics()
  await sleep(50)
  const page = await scrape(metrics)
  const least: readonly (readonly [name: string, value: number])[] = [
    ['process_cpu_seconds_total', 0.01],
    ['process_start_time_seconds', 1.7e9],
    ['process_resident_memory_bytes', 10e6],
    ['nodejs_eventloop_lag_seconds', 0],
    ['nodejs_eventloop_lag_min_seconds', 0.001],
    ['nodejs_eventloop_lag_max_seconds', 0.001],
    ['nodejs_eventloop_lag_mean_seconds', 0.001],
    ['nodejs_eventloop_lag_stddev_seconds', 0],
    ['nodejs_eventloop_lag_p50_seconds', 0.001],
    ['nodejs_eventloop_lag_p90_seconds', 0.001],
    ['nodejs_eventloop_lag_p99_seconds', 0.001],
    ['nodejs_active_resources_total', 0],
    ['nodejs_active_handles_total', 0],
    ['nodejs_active_requests_total', 0],
    ['nodejs_heap_size_total_bytes', 1e6],
    ['nodejs_heap_size_used_bytes', 1e6],
    ['nodejs_external_memory_bytes', 1],
    ['nodejs_heap_space_size_total_bytes{space="old"}', 1],
    ['nodejs_heap_space_size_used_bytes{space="old"}', 1],
    ['nodejs_heap_space_size_available_bytes{space="old"}', 0],
    ...(process.platform === 'linux'
      ? ([
          ['process_virtual_memory_bytes', 10e6],
          ['process_heap_bytes', 10e6],
          ['process_open_fds', 3],
          ['process_max_fds', 10],
        ] as const)
      : []),
  ]
  for (const [name, value] of least) assert.ok((page.get(name) ?? -1) >= value, `${name} ${page.get(name)}`)
  const [major] = process.versions.node.split('.')
  assert.ok(Array.from(page.keys()).some((name) => name.startsWith(`nodejs_version_info{version="v${major}.`)))
})

test('delays are those since the last scrape, and none right after one', async () => {
  const metrics = new ProcessMetrics()
  await sleep(20)
  const end = performance.now() + 80
  while (performance.now() < end);
  await sleep(20)
  assert.ok(((await scrape(metrics)).get('nodejs_eventloop_lag_max_seconds') ?? 0) >= 0.06)
  const after = (await scrape(metrics)).get('nodejs_eventloop_lag_max_seconds') ?? 1
  assert.ok(after < 0.06, String(after))
})

test('collections of garbage are counted by kind', async () => {
  const metrics = new ProcessMetrics()
  await sleep(20)
  collectGarbage()
  await sleep(50)
  const page = await scrape(metrics)
  assert.ok((page.get('nodejs_gc_duration_seconds_count{kind="major"}') ?? 0) >= 1)
  assert.equal(
    page.get('nodejs_gc_duration_seconds_bucket{kind="major",le="+Inf"}'),
    page.get('nodejs_gc_duration_seconds_count{kind="major"}'),
  )
})
