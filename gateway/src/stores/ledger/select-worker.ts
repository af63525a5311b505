import { parentPort } from 'node:worker_threads'
import { zstdDecompressSync } from 'node:zlib'
import { reasonOf } from '../../lib/reason.ts'
import { Selection } from './select.ts'
import type { SelectAnswer, SelectReply, SelectTask } from './select-thread.ts'

/** The thread that unpacks and reads blocks; `select-thread.ts` is its other end. */

function answer({ query, most, bodies }: SelectTask): SelectAnswer {
  const selection = new Selection(query, most)
  for (const body of bodies) selection.read(zstdDecompressSync(body).toString('utf8'))
  return { matched: selection.matched, rows: selection.best.rows }
}

parentPort?.on('message', (task: SelectTask) => {
  let reply: SelectReply
  try {
    reply = answer(task)
  } catch (error) {
    reply = { failed: reasonOf(error) }
  }
  parentPort?.postMessage(reply)
})
