import { performance } from 'node:perf_hooks'

/** Time, passed in so that tests can move it. */
export interface Clock {
  /** Milliseconds that only grow; for durations and deadlines. */
  now(): number
  /** Milliseconds since the Unix epoch; for what people and providers read. */
  wall(): number
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
}
