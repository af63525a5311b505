import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/**
 * End-to-end suites that wait more than they compute, and assert no figure that a busy machine would spoil. The others measure or
 * load real processes: they need the machine for themselves.
 */
const waiting = new Set(
  [
    'canary',
    'faults-client',
    'faults-upstream',
    'limits',
    'litellm-clients',
    'price-replicas',
    'sdk',
    'seed-prices',
    'start',
  ].map((name) => `e2e/${name}.test.ts`),
)
// Node leaves one core free, which of two is half; most tests wait for servers that they have started.
const sideBySide = `--test-concurrency=${Math.max(2, availableParallelism())}`

/**
 * `npm test`: the unit and contract tests side by side, then the end-to-end suites, those that wait side by side and the others
 * one by one. Arguments narrow it down: `npm test -- gateway/src/lib/sse.test.ts`.
 */
const named = process.argv.slice(2)
const runs: readonly (readonly string[])[] =
  named.length > 0
    ? [named]
    : [
        [sideBySide, 'gateway/src/**/*.test.ts', 'gateway/test/**/*.test.ts', 'bench/**/*.test.ts'],
        [sideBySide, ...waiting],
        ['--test-concurrency=1', ...globSync('e2e/*.test.ts').filter((file) => !waiting.has(file))],
      ]

let failed = false
for (const run of runs) {
  const { status } = spawnSync('node', ['--test', ...run], { stdio: 'inherit' })
  if (status !== 0) failed = true
}
process.exit(failed ? 1 : 0)
