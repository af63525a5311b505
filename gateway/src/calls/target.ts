import type { Resolution } from '../config/snapshot.ts'
import type { Deployment } from '../core/deployment.ts'
import type { Fallback } from './options.ts'

/** One model group to try, and the name to send to its deployments. */
export interface Target {
  readonly name: string
  readonly resolution: Resolution
  readonly fallback: Fallback | undefined
}

/** The upstream's name of the model: what the wildcard matched is put into the deployment's own `*`. */
export function upstreamModelOf(deployment: Deployment, wildcard: string | undefined): string {
  return wildcard === undefined ? deployment.upstreamModel : deployment.upstreamModel.replace('*', () => wildcard)
}
