import { readdirSync, readFileSync } from 'node:fs'

/** `USER_HZ`: Linux has reported process times in hundredths of a second on every architecture Node runs on. */
const ticksPerSecond = 100

/** User and system time of a process with all its threads and descendants, seconds, in steps of 10 ms. */
export function cpuSeconds(pid: number): number {
  const ticks = familyOf(pid).reduce((sum, member) => sum + cpuTicks(member), 0)
  return ticks / ticksPerSecond
}

/** The same of one process without its descendants, the main thread apart from all others (of SQLite, of V8, of libuv). */
export function threadSeconds(pid: number): { readonly main: number; readonly other: number } {
  const threads = readdirSync(`/proc/${pid}/task`)
  const seconds = (thread: string) => cpuTicks(pid, `task/${thread}/stat`) / ticksPerSecond
  const main = seconds(String(pid))
  return { main, other: threads.reduce((sum, thread) => sum + seconds(thread), -main) }
}

/** Resident memory of a process and its descendants, MiB. */
export function residentMegabytes(pid: number): number {
  const kilobytes = familyOf(pid).map((member) => {
    const status = readProc(member, 'status')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0)
  })
  return Math.round(kilobytes.reduce((sum, one) => sum + one, 0) / 1024)
}

function familyOf(pid: number): readonly number[] {
  const children = readProc(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return [pid, ...children.flatMap(familyOf)]
}

function cpuTicks(pid: number, file = 'stat'): number {
  // The program's name, in brackets, may hold spaces; the numbered fields start behind it (proc(5): 14 utime, 15 stime).
  const fields = readProc(pid, file)
    .replace(/^.*\) /s, '')
    .split(' ')
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
