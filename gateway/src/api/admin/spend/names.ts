import type { RecordKind } from '../../../core/record.ts'
import type { Store } from '../../../core/store.ts'
import { textOf } from '../body-changes.ts'

/** So many ids are looked up at once; a database takes no statement of any length. */
const step = 500

/** What people call keys and teams, beside their ids. Those that are gone, or have no name, are called by their id. */
export class Names {
  readonly #store: Pick<Store, 'records'>

  constructor(store: Pick<Store, 'records'>) {
    this.#store = store
  }

  async ofTeams(ids: readonly string[]): Promise<(id: string) => string> {
    const names = await this.#read('team', 'team_alias', ids)
    return (id) => names.get(id) ?? id
  }

  /** @returns the alias of a key; `undefined` where it has none */
  async ofKeys(hashes: readonly string[]): Promise<(hash: string) => string | undefined> {
    const names = await this.#read('key', 'key_alias', hashes)
    return (hash) => names.get(hash)
  }

  async #read(kind: RecordKind, field: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const all = [...new Set(ids)].filter((id) => id !== '')
    const names = new Map<string, string>()
    for (let at = 0; at < all.length; at += step) {
      const { records } = await this.#store.records({ kind, where: { id: all.slice(at, at + step) } })
      for (const { body, id } of records) {
        const name = textOf(body[field])
        if (name !== undefined && name !== '') names.set(id, name)
      }
    }
    return names
  }
}
