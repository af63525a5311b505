import type { RecordKind } from '../../../core/record.ts'
import type { Store } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { textOf } from '../body-changes.ts'

/** So many ids are looked up at once; a database takes no statement of any length. */
const step = 500

/** As LiteLLM's activity and spend name a key; `null` for what it does not have, or does not exist any more. */
export interface KeyName {
  readonly key_alias: string | null
  readonly team_id: string | null
}

/** What people call keys and teams, beside their ids. Those that are gone, or have no name, are called by their id. */
export class Names {
  readonly #store: Pick<Store, 'records'>

  constructor(store: Pick<Store, 'records'>) {
    this.#store = store
  }

  async ofTeams(ids: readonly string[]): Promise<(id: string) => string> {
    const teams = await this.#read('team', ids)
    return (id) => textOf(teams.get(id)?.team_alias) || id
  }

  async ofKeys(hashes: readonly string[]): Promise<(hash: string) => KeyName> {
    const keys = await this.#read('key', hashes)
    return (hash) => {
      const body = keys.get(hash)
      return { key_alias: textOf(body?.key_alias) || null, team_id: textOf(body?.team_id) || null }
    }
  }

  async #read(kind: RecordKind, ids: readonly string[]): Promise<ReadonlyMap<string, JsonObject>> {
    const all = [...new Set(ids)].filter((id) => id !== '')
    const bodies = new Map<string, JsonObject>()
    for (let at = 0; at < all.length; at += step) {
      const { records } = await this.#store.records({ kind, where: { id: all.slice(at, at + step) } })
      for (const { body, id } of records) bodies.set(id, body)
    }
    return bodies
  }
}
