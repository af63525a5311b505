import type { Alteration, ChangeOptions, ChangeResult } from '../core/change.ts'
import type { JsonObject } from '../lib/json.ts'
import { masked } from './admin/masking.ts'
import type { AdminReply } from './admin-route.ts'

/**
 * The answer to a change. Its body is LiteLLM's, so what the change came to is in headers: `x-midflight-revision`, and, where the
 * caller waited, `x-midflight-replicas: <id>=<revision>:<state>, …`. A dry run answers what would differ instead.
 * @param body of the answer if it was made
 */
export function changeReply(
  options: ChangeOptions,
  outcome: ChangeResult<unknown>,
  body: unknown,
  status?: number,
): AdminReply {
  const head = ['x-midflight-revision', String(outcome.revision)]
  if (outcome.replicas !== undefined) {
    const states = outcome.replicas.map(({ id, revision, state }) => `${encodeURIComponent(id)}=${revision}:${state}`)
    head.push('x-midflight-replicas', states.join(', '))
  }
  if (options.dryRun !== true) return { body, head, ...(status === undefined ? {} : { status }) }
  return {
    head,
    body: {
      dry_run: true,
      revision: outcome.revision,
      alterations: outcome.alterations.map(shownAlteration),
      ...(outcome.effect === undefined
        ? {}
        : { models_added: outcome.effect.modelsAdded, models_removed: outcome.effect.modelsRemoved }),
      problems: outcome.problems,
      result: body,
    },
  }
}

/** An alteration fit to be shown: in the journal, and as the answer of a dry run. */
export function shownAlteration({ kind, name, action, before, after }: Alteration): JsonObject {
  return {
    kind,
    name,
    action,
    ...(before === undefined ? {} : { before: shownSpec(kind, before) }),
    ...(after === undefined ? {} : { after: shownSpec(kind, after) }),
  }
}

function shownSpec(kind: Alteration['kind'], spec: JsonObject): JsonObject {
  // A key's hash is no secret, and its record is found by it.
  return masked(spec, false, kind === 'key' || kind === 'retired-key' || kind === 'deleted-key' ? keyFields : none)
}

const none: ReadonlySet<string> = new Set()
/** Fields of a key's record that are called like secrets and are none. */
const keyFields: ReadonlySet<string> = new Set(['token', 'key_name', 'key_alias', 'key_type'])
