import { performance } from 'node:perf_hooks'

/** Calls wait no longer than this for a list that is being made for an administrator, ms. */
const turnMs = 4

/** Maps a list that may be long, and lets calls in between. */
export async function mapPaced<Item, Made>(items: readonly Item[], make: (item: Item) => Made): Promise<Made[]> {
  const made: Made[] = []
  let until = performance.now() + turnMs
  for (const item of items) {
    made.push(make(item))
    if (performance.now() < until) continue
    await new Promise((resolve) => setImmediate(resolve))
    until = performance.now() + turnMs
  }
  return made
}
