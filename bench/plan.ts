import type { Candidate } from './candidates/candidate.ts'
import { startFloor } from './candidates/floor.ts'
import { type Midflight, startMidflight } from './candidates/midflight.ts'
import { startNginxCandidate } from './candidates/nginx.ts'
import { startPortkey } from './candidates/portkey.ts'
import type { Cell } from './cells.ts'
import type { Origins, ScenarioName, UpstreamKind } from './names.ts'
import type { BenchOptions } from './options.ts'
import type { Workbench } from './workbench.ts'

/** Starts every candidate that takes part and lays out the cells in the order in which one round runs them. */
export async function plan(bench: Workbench, origins: Origins, options: BenchOptions): Promise<readonly Cell[]> {
  const takesPart = (scenario: ScenarioName) => options.scenarios.includes(scenario)
  const candidates: Candidate[] = []
  let midflight: Midflight | undefined
  let large: Midflight | undefined
  if (options.candidates.includes('nginx')) candidates.push(await startNginxCandidate(bench, origins))
  if (options.candidates.includes('floor')) candidates.push(await startFloor(bench, origins, options.node))
  if (options.candidates.includes('midflight')) {
    midflight = await startMidflight(bench, origins, options.node, 10)
    candidates.push(midflight)
    if (takesPart('unary-2000')) large = await startMidflight(bench, origins, options.node, 2_000)
  }
  if (options.candidates.includes('portkey')) candidates.push(await startPortkey(bench, origins, options.node))

  const all = (scenario: ScenarioName, upstream: UpstreamKind): readonly Cell[] =>
    takesPart(scenario) ? candidates.map((candidate) => ({ scenario, candidate, upstream })) : []
  const changes = (scenario: ScenarioName, upstream: UpstreamKind): readonly Cell[] =>
    takesPart(scenario) && midflight !== undefined
      ? [{ scenario, candidate: midflight, upstream, changing: midflight }]
      : []
  return [
    ...all('unary', 'unary'),
    ...(large === undefined ? [] : [{ scenario: 'unary-2000', candidate: large, upstream: 'unary' } as const]),
    ...changes('unary-changes', 'unary'),
    ...all('stream', 'burst'),
    ...all('events', 'paced'),
    ...changes('events-changes', 'paced'),
  ]
}
