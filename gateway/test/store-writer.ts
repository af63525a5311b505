import { systemClock } from '../src/lib/clock.ts'
import { Secret } from '../src/lib/secret.ts'
import { openStore } from '../src/stores/open.ts'
import { actor, silentLog } from './opened-store.ts'

/**
 * A process of its own that counts a record up, for tests of several processes on one store:
 * `node store-writer.ts <data directory> <database URL or ''> <changes> [hang]`. Prints the revisions it made. With `hang` it stops in
 * the middle of the last change, after it has printed `hanging`.
 */
const [dataDirectory = '', databaseUrl = '', changes = '0', mode = ''] = process.argv.slice(2)

const { store } = openStore({
  dataDirectory,
  databaseUrl,
  saltKey: new Secret('sk-salt'),
  clock: systemClock,
  log: silentLog,
})
await store.start()
const revisions: number[] = []
for (let index = 1; index <= Number(changes); index += 1) {
  const { head } = await store.change({ actor }, async (transaction) => {
    const counter = await transaction.record('budget', 'counter')
    await transaction.putRecord('budget', 'counter', { count: Number(counter?.body.count ?? 0) + 1 })
    if (mode === 'hang' && index === Number(changes)) {
      process.stdout.write('hanging\n')
      await new Promise((resolve) => setTimeout(resolve, 60_000))
    }
  })
  revisions.push(head.revision)
}
process.stdout.write(`${JSON.stringify(revisions)}\n`)
await store.stop()
