import { mkdir, open, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contents } from '../core/contents.ts'

const keptFiles = 3
const ending = '.json.gz'

/**
 * Copies of the last contents in the data directory, in front of the shared ones: a start while the store is away has its prices.
 * A copy that cannot be written or read, or is damaged, is no failure, it is asked for again.
 * @param isSound whether the bytes are those of the hash
 */
export function withFiles(
  directory: string,
  shared: Contents,
  isSound: (hash: string, bytes: Uint8Array) => Promise<boolean>,
): Contents {
  const fileOf = (hash: string): string => join(directory, `${hash}${ending}`)

  async function keep(hash: string, bytes: Uint8Array): Promise<void> {
    try {
      await mkdir(directory, { recursive: true })
      const draft = `${fileOf(hash)}.${process.pid}.tmp`
      // Not forced to the disk: a copy that did not get there whole is damaged.
      await writeFile(draft, bytes, { mode: 0o600 })
      await rename(draft, fileOf(hash))
      await removeOld()
    } catch {
      // A full or read-only disk: the store has it.
    }
  }

  async function removeOld(): Promise<void> {
    const names = (await readdir(directory)).filter((name) => name.endsWith(ending))
    if (names.length <= keptFiles) return
    const dated = await Promise.all(
      names.map(async (name) => {
        const file = await open(join(directory, name))
        const { mtimeMs } = await file.stat().finally(() => file.close())
        return { name, mtimeMs }
      }),
    )
    dated.sort((a, b) => b.mtimeMs - a.mtimeMs)
    for (const { name } of dated.slice(keptFiles)) await rm(join(directory, name), { force: true })
  }

  return {
    async get(hash) {
      const kept = await readFile(fileOf(hash)).catch(() => undefined)
      if (kept !== undefined && (await isSound(hash, kept))) {
        const now = new Date()
        await utimes(fileOf(hash), now, now).catch(() => undefined)
        return kept
      }
      const bytes = await shared.get(hash)
      if (bytes !== undefined) await keep(hash, bytes)
      return bytes
    },
    async put(hash, bytes) {
      const copied = keep(hash, bytes)
      // Also when the shared place is away: whoever was told so may remove the directory.
      await shared.put(hash, bytes).finally(() => copied)
    },
  }
}
