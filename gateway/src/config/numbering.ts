import type { Store } from '../core/store.ts'
import type { JsonObject } from '../lib/json.ts'
import type { LayerDifference } from './layer-difference.ts'

/** Where revisions come from when several replicas share one count. */
export interface Numbering {
  /**
   * A number for a configuration that came by another way than the store. Replicas that read the same content get the same one.
   * Never rejects and never takes long; `undefined`: the store does not answer, count on by yourself.
   */
  revisionOf(content: NumberedContent): Promise<number | undefined>
}

export interface NumberedContent {
  /** `file` */
  readonly source: string
  /** Equal contents are equal hashes. */
  readonly hash: string
  /** From the content before, for the journal. */
  readonly difference?: LayerDifference
  /** The last revision that is in it already; 0: none. */
  readonly stored: number
  /** The number has to be greater. */
  readonly floor: number
}

/** A publish waits no longer for its number. */
const budgetMs = 100

/** Numbers from the store: a record says which content of the source has which revision. */
export function storeNumbering(store: Pick<Store, 'change' | 'health'>): Numbering {
  return {
    async revisionOf(content) {
      if (!store.health.up) return undefined
      let timer: NodeJS.Timeout | undefined
      const tooLong = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), budgetMs)
      })
      try {
        return await Promise.race([numbered(store, content), tooLong])
      } catch {
        // Whatever keeps the store from answering shows in its health; the publish must not wait for it.
        return undefined
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

async function numbered(
  store: Pick<Store, 'change'>,
  { source, hash, difference, stored, floor }: NumberedContent,
): Promise<number> {
  const actor = { id: source, role: 'proxy_admin', via: source } as const
  const { result } = await store.change({ actor, above: floor }, async (transaction) => {
    const known = await transaction.record('source', source)
    const revision = Math.max(stored, known?.body.content === hash ? known.revision : 0)
    if (revision > floor) return revision
    const body: JsonObject = { content: hash, ...difference }
    await transaction.putRecord('source', source, body)
    return transaction.revision
  })
  return result
}
