import { readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { errorCode } from '../lib/file-content.ts'

/** A lock that has not been touched for so long, ms, belongs to a process that is gone, whatever host it ran on. */
const staleMs = 60_000

/** What one process has written to its outbox: numbered files, and a lock that says it is alive. */
export interface OutboxFiles {
  readonly owner: string
  /** In the order of their numbers. */
  readonly files: readonly { readonly path: string; readonly number: number }[]
}

/** Names of an owner's files: `<owner>-000001.jsonl` and `<owner>.lock`. */
export function filePath(directory: string, owner: string, number: number): string {
  return join(directory, `${owner}-${String(number).padStart(6, '0')}.jsonl`)
}

/** Writes a file that others see whole or not at all: one that has no lock may be taken over, and removed, at any time. */
export function writeWhole(path: string, text: string): void {
  const part = `${path}.part`
  writeFileSync(part, text, { mode: 0o600 })
  renameSync(part, path)
}

export function takeLock(directory: string, owner: string): void {
  const lock = { pid: process.pid, host: hostname(), started: startOf(process.pid) }
  writeFileSync(lockPath(directory, owner), JSON.stringify(lock), { mode: 0o600 })
}

/** Says that the owner still lives; to be called well within a minute. A lock that somebody removed is taken again. Never throws. */
export function touchLock(directory: string, owner: string, nowMs: number): void {
  try {
    utimesSync(lockPath(directory, owner), nowMs / 1000, nowMs / 1000)
  } catch {
    retakeLock(directory, owner)
  }
}

function retakeLock(directory: string, owner: string): void {
  try {
    takeLock(directory, owner)
  } catch {
    // A directory that is gone, or a full disk, shows with the next row; the next touch tries again.
  }
}

export function releaseLock(directory: string, owner: string): void {
  rmSync(lockPath(directory, owner), { force: true })
}

/** Outboxes whose process is gone: killed, crashed, or on a machine that is no more. */
export function orphans(directory: string, self: string, nowMs: number): readonly OutboxFiles[] {
  const byOwner = new Map<string, { path: string; number: number }[]>()
  for (const name of readdirSync(directory)) {
    const [, owner, digits] = /^(.+)-(\d{6,})\.jsonl$/.exec(name) ?? []
    if (owner === undefined || owner === self) continue
    const file = { path: join(directory, name), number: Number(digits) }
    const files = byOwner.get(owner)
    if (files === undefined) byOwner.set(owner, [file])
    else files.push(file)
  }
  return Array.from(byOwner, ([owner, files]) => ({ owner, files: files.sort((a, b) => a.number - b.number) })).filter(
    ({ owner }) => !isAlive(lockPath(directory, owner), nowMs),
  )
}

function isAlive(lock: string, nowMs: number): boolean {
  let text: string
  try {
    text = readFileSync(lock, 'utf8')
  } catch (error) {
    // One that cannot be read now (too many open files) may be held: what is taken from the living is lost.
    return errorCode(error) !== 'ENOENT'
  }
  try {
    const { pid, host, started } = JSON.parse(text)
    if (host !== hostname()) return nowMs - statSync(lock).mtimeMs < staleMs
    // The same process number on this host with another owner name is a predecessor (process 1 of a restarted container).
    return pid !== process.pid && isRunning(pid) && isStillThat(pid, started)
  } catch {
    return false
  }
}

/** Whether a number is not another process's by now, as after a restart of the machine. */
function isStillThat(pid: number, started: unknown): boolean {
  const now = startOf(pid)
  return started === undefined || now === undefined || now === started
}

/** When a process began, in ticks since the machine did; `undefined` where that is not told (it is on Linux). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Its name is in brackets, and may have brackets and spaces; the start is the 22nd field.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

function isRunning(pid: unknown): pid is number {
  if (typeof pid !== 'number') return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function lockPath(directory: string, owner: string): string {
  return join(directory, `${owner}.lock`)
}
