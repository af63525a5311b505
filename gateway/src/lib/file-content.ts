import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'

/** What a path held when it was read. Equal digests are equal contents, whatever the inode and the times say. */
export type FileContent =
  | {
      readonly found: true
      readonly bytes: Buffer
      /** sha256, hex. */
      readonly digest: string
      readonly stamp: FileStamp
    }
  | {
      readonly found: false
      /** `missing:ENOENT`, `large:17000000` … */
      readonly digest: string
      /** Why there is no content, for people: `no such file`, `permission denied` … */
      readonly reason: string
      /** Size in bytes where that is the reason. */
      readonly tooLarge?: number
      readonly stamp: FileStamp
    }

/** What `stat` said just before the bytes were read. */
export interface FileStamp {
  /** Device, inode, size, mtime and ctime, or the error code: what is compared before anything is read. */
  readonly text: string
  /** 0 when there is no file. */
  readonly inode: bigint
  /**
   * Whether the name was given to a finished file. A write sets mtime and ctime alike, renaming sets ctime only.
   * False proves nothing: the clock of most file systems ticks every 4 ms. A `FileWatch` knows more.
   */
  readonly moved: boolean
  /**
   * Changed less than a second before the read: a write in the same clock tick would leave the same stamp,
   * so this stamp does not prove the content.
   */
  readonly fresh: boolean
}

/**
 * Reads a regular file of at most `maxBytes`. Never rejects. A file that is being written gives what was there;
 * whether that is whole is the caller's question.
 */
export async function readContent(path: string, maxBytes: number): Promise<FileContent> {
  let handle: FileHandle | undefined
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for its writer, perhaps for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stats = await handle.stat({ bigint: true })
    const stamp = stampOf(stats)
    if (!stats.isFile()) return { found: false, digest: 'missing:irregular', reason: 'not a regular file', stamp }
    const size = Number(stats.size)
    if (size > maxBytes) {
      return { found: false, digest: `large:${size}`, reason: `larger than ${maxBytes} bytes`, tooLarge: size, stamp }
    }
    const bytes = await readBytes(handle, size)
    return { found: true, bytes, digest: hash('sha256', bytes, 'hex'), stamp }
  } catch (error) {
    return missing(error)
  } finally {
    await handle?.close().catch(() => undefined)
  }
}

/** The stamp of what is at the path now, without reading it. Never rejects. */
export async function readStamp(path: string): Promise<FileStamp> {
  try {
    return stampOf(await stat(path, { bigint: true }))
  } catch (error) {
    return missing(error).stamp
  }
}

async function readBytes(handle: FileHandle, size: number): Promise<Buffer> {
  // A private allocation: a slice of the shared pool would keep its neighbours, perhaps secrets, alive.
  const buffer = Buffer.alloc(size)
  let filled = 0
  while (filled < size) {
    const { bytesRead } = await handle.read(buffer, filled, size - filled, filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

interface Stats {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: Stats): FileStamp {
  const ageMs = Date.now() - Number(ctimeNs / 1_000_000n)
  return {
    text: `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`,
    inode: ino,
    moved: mtimeNs < ctimeNs,
    fresh: Math.abs(ageMs) < 1_000,
  }
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file'],
  ['ENOTDIR', 'no such file'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EISDIR', 'it is a directory'],
  ['ELOOP', 'its symbolic links go round in a circle'],
  ['ENXIO', 'not a regular file'],
])

function missing(error: unknown): FileContent & { found: false } {
  const code = errorCode(error)
  const text = `missing:${code}`
  return {
    found: false,
    digest: text,
    reason: reasons.get(code) ?? code,
    stamp: { text, inode: 0n, moved: false, fresh: false },
  }
}

/** `ENOENT` and the like; `EUNKNOWN` for what is no system error. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EUNKNOWN'
}
