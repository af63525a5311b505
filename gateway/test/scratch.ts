import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const directories: string[] = []

/** A directory for this test process; it goes when the process ends, after everything in it was closed. */
export function scratchDirectory(): string {
  if (directories.length === 0) process.once('exit', remove)
  const directory = mkdtempSync(join(tmpdir(), 'midflight-test-'))
  directories.push(directory)
  return directory
}

function remove(): void {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}
