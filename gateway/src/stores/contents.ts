import { Buffer } from 'node:buffer'
import type { Contents } from '../core/contents.ts'
import { dialects } from './dialect.ts'
import type { SqlDatabase } from './sql.ts'

/** As many versions are kept, so that a change can be reverted; a price map is 80 KB here. */
const keptContents = 20

/** Contents in the gateway's own database, as text: the port to both databases knows no bytes. */
export function createContents(database: SqlDatabase): Contents {
  const { now } = dialects[database.dialect]
  return {
    async get(hash) {
      const [row] = await database.query('SELECT body FROM midflight_content WHERE hash = $1', [hash])
      return typeof row?.body === 'string' ? Buffer.from(row.body, 'base64') : undefined
    },
    put: (hash, bytes) =>
      database.transaction('write', async (session) => {
        await session.query(
          `INSERT INTO midflight_content (hash, body, used_at) VALUES ($1, $2, ${now})
           ON CONFLICT (hash) DO UPDATE SET used_at = excluded.used_at`,
          [hash, Buffer.from(bytes).toString('base64')],
        )
        await session.query(
          `DELETE FROM midflight_content WHERE hash NOT IN
             (SELECT hash FROM midflight_content ORDER BY used_at DESC LIMIT ${keptContents})`,
        )
      }),
  }
}
