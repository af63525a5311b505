import { parentPort } from 'node:worker_threads'
import { type PackTask, pack } from './pack.ts'
import { MapRefused } from './refusal.ts'

/** The thread in which one price map is read, checked and packed; `thread.ts` is its other end. */
parentPort?.once('message', (task: PackTask) => {
  try {
    const packed = pack(task)
    const { bytes, modeOf, providerOf, spans } = packed.data
    const transfer = [bytes.buffer, spans.buffer, providerOf.buffer, modeOf.buffer] as ArrayBuffer[]
    parentPort?.postMessage({ packed }, transfer)
  } catch (error) {
    if (!(error instanceof MapRefused)) throw error
    parentPort?.postMessage({ refused: error.message })
  }
})
