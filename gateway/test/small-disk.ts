import { spawnSync } from 'node:child_process'
import { scratchDirectory } from './scratch.ts'

/** Mounts a file system of so many kilobytes. @returns takes it away; `undefined`: it cannot be mounted */
export function mountSmallDisk(path: string, kilobytes: number): (() => void) | undefined {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', path])
  return status === 0 ? () => void spawnSync('umount', [path]) : undefined
}

/** Why no small file system can be mounted here; `false` when it can. */
export function noSmallDisk(): string | false {
  const unmount = mountSmallDisk(scratchDirectory(), 64)
  unmount?.()
  return unmount === undefined ? 'a file system of 64 kB can be mounted by root only' : false
}
