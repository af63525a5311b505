import { flushCompileCache } from 'node:module'
import { parentPort } from 'node:worker_threads'
import { type PackTask, pack } from './pack.ts'
import { MapRefused } from './refusal.ts'
import type { Reading } from './thread.ts'

/** The thread in which price maps are read, checked and packed; `thread.ts` is its other end. */
parentPort?.on('message', (task: PackTask) => {
  const { reading, buffers } = read(task)
  parentPort?.postMessage(reading, buffers)
  keepCompiled()
})

let isKept = false

/** After the first map: a thread that is ended from outside leaves nothing behind, and the next one would need 100 ms and 20 MB more. */
function keepCompiled(): void {
  if (isKept) return
  isKept = true
  flushCompileCache()
}

function read(task: PackTask): { readonly reading: Reading; readonly buffers?: readonly ArrayBuffer[] } {
  try {
    const packed = pack(task)
    const { bytes, modeOf, providerOf, spans } = packed.data
    // Made by `pack`, each with a buffer of its own.
    const buffers = [bytes, spans, providerOf, modeOf].map(({ buffer }) => buffer as ArrayBuffer)
    return { reading: { packed }, buffers }
  } catch (error) {
    if (!(error instanceof MapRefused)) throw error
    return { reading: { refused: error.message } }
  }
}
