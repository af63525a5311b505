import { Buffer } from 'node:buffer'
import { open } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import type { LedgerBlock } from '../core/ledger/block.ts'
import { cellsIn, rowIn } from '../core/ledger/row.ts'
import { Tally } from '../core/ledger/tally.ts'
import { errorCode } from '../lib/file-content.ts'

/** A file of an outbox that is to be read. */
export interface BlockFile {
  readonly path: string
  readonly number: number
  /** How much of it is whole rows. Absent: what follows the last line end is a row that nobody was told of. */
  readonly bytes?: number
  /** What its rows add up to. Absent: they are counted. */
  readonly tally?: Tally | undefined
}

export interface ReadBlock extends LedgerBlock {
  /** Lines that are no rows (a disk that lies); they are left out. */
  readonly unreadable: number
}

/** Rows are counted in steps, some 2 ms each, for which the event loop does not stand still. */
const stepRows = 500
const lineEnd = 0x0a
/** Files are larger than the outbox's limit by a few rows, each by other ones: a buffer of just that size would be thrown away for the next. */
const growth = 256 * 1024

/** Reads files of up to some megabytes, one after the other, into one buffer. */
export class BlockReader {
  #buffer = Buffer.alloc(0)

  /**
   * @param writer the outbox's owner
   * @returns `undefined`: the file is gone, somebody else has brought it to the store. The lines are good until the next is read
   */
  async read(file: BlockFile, writer: string): Promise<ReadBlock | undefined> {
    const content = await this.#contentOf(file)
    if (content === undefined) return undefined
    const { number, bytes, tally } = file
    if (tally !== undefined && content.length === bytes) {
      return { writer, number, lines: content, tally, unreadable: 0 }
    }
    const whole = content.subarray(0, content.lastIndexOf(lineEnd) + 1)
    return { writer, number, ...(await counted(whole)) }
  }

  async #contentOf({ path, bytes = Number.POSITIVE_INFINITY }: BlockFile): Promise<Buffer | undefined> {
    try {
      await using file = await open(path, 'r')
      const { size } = await file.stat()
      const length = Math.min(size, bytes)
      if (length > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(Math.ceil(length / growth) * growth)
      let read = 0
      while (read < length) {
        const { bytesRead } = await file.read(this.#buffer, read, length - read, read)
        if (bytesRead === 0) break
        read += bytesRead
      }
      return this.#buffer.subarray(0, read)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }
}

async function counted(content: Buffer): Promise<Pick<ReadBlock, 'lines' | 'tally' | 'unreadable'>> {
  const tally = new Tally()
  const good: string[] = []
  const texts = content.toString('utf8').split('\n')
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
  const lines = unreadable === 0 ? content : Buffer.from(good.map((text) => `${text}\n`).join(''))
  return { lines, tally, unreadable }
}
