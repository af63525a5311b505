import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'

const compressed = promisify(zstdCompress)
// Of a ledger's rows, names that repeat are nearly all: higher levels take twice the time for a tenth less.
const params = { [constants.ZSTD_c_compressionLevel]: 3 }

/** In libuv's threads, not on the event loop: 1 µs a row. */
export function compress(lines: Uint8Array): Promise<Uint8Array> {
  return compressed(lines, { params })
}
