import { hash } from 'node:crypto'
import type { Deployment } from '../core/deployment.ts'
import type { Inputs } from '../core/input.ts'
import { isError, type Problem } from '../core/problem.ts'
import type { KindName, Layer, Resource } from '../core/resource.ts'
import type { UpstreamPool } from '../lib/http-client.ts'
import { isObject, type JsonObject } from '../lib/json.ts'
import { settingsName } from './kinds/settings.ts'
import { prepare } from './prepare.ts'
import type { Snapshot } from './snapshot.ts'
import { UsagePool } from './usage-pool.ts'

/** A deployment that nobody declared, made ready for one call. */
export type Trial =
  | { readonly accepted: true; readonly deployment: Deployment; release(): Promise<void> }
  | { readonly accepted: false; readonly problems: readonly Problem[] }

const id = 'trial'

/**
 * Compiles a deployment beside what serves, with its credentials and variables: to see whether it would work before it is declared.
 * @param spec an entry of `model_list`
 */
export async function tryDeployment(
  spec: JsonObject,
  snapshot: Snapshot | undefined,
  workshop: { readonly inputs: Inputs; readonly openPool: (origin: string) => UpstreamPool },
): Promise<Trial> {
  const resources = [resourceOf('deployment', id, { ...spec, model_info: { ...infoOf(spec), id } })]
  for (const name of snapshot?.declared.names('credential') ?? []) {
    const declared = snapshot?.declared.get('credential', name)
    if (declared !== undefined) resources.push(resourceOf('credential', name, declared.spec))
  }
  const { environment_variables: variables } = snapshot?.declared.get('settings', settingsName)?.spec ?? {}
  if (variables !== undefined) {
    resources.push(resourceOf('settings', settingsName, { environment_variables: variables }))
  }
  const layer: Layer = { source: 'request', version: id, resources, problems: [] }
  const pool = new UsagePool((key, error) => process.emitWarning(`${key} did not close: ${String(error)}`))
  const outcome = await prepare([layer], undefined, { ...workshop, pool })
  const prepared = outcome.accepted ? outcome.prepared : undefined
  const deployment = prepared?.deployments.get(id)
  if (prepared !== undefined && deployment !== undefined) {
    return {
      accepted: true,
      deployment,
      async release() {
        prepared.release()
        await pool.closed()
      },
    }
  }
  prepared?.release()
  const problems = outcome.accepted ? outcome.prepared.problems : outcome.problems
  return { accepted: false, problems: Array.from(problems.values()).flat().filter(isError) }
}

function infoOf({ model_info: info }: JsonObject): JsonObject {
  return isObject(info) ? info : {}
}

function resourceOf(kind: KindName, name: string, spec: JsonObject): Resource {
  const content = hash('sha256', JSON.stringify(spec))
  return { kind, name, spec, hash: content, origin: 'request', path: '', originOf: () => 'request' }
}
