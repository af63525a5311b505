import { open } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import type { LedgerBlock } from '../core/ledger/block.ts'
import { cellsIn, rowIn } from '../core/ledger/row.ts'
import { Tally } from '../core/ledger/tally.ts'
import { errorCode } from '../lib/file-content.ts'

export interface ReadBlock extends LedgerBlock {
  /** Lines that are no rows (a disk that lies); they are left out. */
  readonly unreadable: number
}

/** Rows are counted in steps, some 2 ms each, for which the event loop does not stand still. */
const stepRows = 500
const lineEnd = 0x0a

/**
 * A block from its file.
 * @param bytes how much of it is whole rows, where that is known; else what follows the last line end is a row that nobody was told of
 * @returns `undefined`: the file is gone, somebody else has brought it to the store
 */
export async function readBlock(
  path: string,
  writer: string,
  number: number,
  bytes = Number.POSITIVE_INFINITY,
): Promise<ReadBlock | undefined> {
  const content = await contentOf(path, bytes)
  if (content === undefined) return undefined
  const whole = content.subarray(0, content.lastIndexOf(lineEnd) + 1)
  const tally = new Tally()
  const good: string[] = []
  const texts = whole.toString('utf8').split('\n')
  // What follows the last line end.
  texts.pop()
  for (const [index, text] of texts.entries()) {
    const cells = cellsIn(text)
    if (cells !== undefined) {
      tally.add(rowIn(cells))
      good.push(text)
    }
    if (index % stepRows === stepRows - 1) await turn()
  }
  const unreadable = texts.length - good.length
  const lines = unreadable === 0 ? whole : Buffer.from(good.map((text) => `${text}\n`).join(''))
  return { writer, number, lines, tally, unreadable }
}

async function contentOf(path: string, bytes: number): Promise<Buffer | undefined> {
  try {
    await using file = await open(path, 'r')
    const { size } = await file.stat()
    const content = Buffer.allocUnsafe(Math.min(size, bytes))
    let read = 0
    while (read < content.length) {
      const { bytesRead } = await file.read(content, read, content.length - read, read)
      if (bytesRead === 0) break
      read += bytesRead
    }
    return content.subarray(0, read)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
