import type { InputUri } from '../core/input.ts'
import type { KindName } from '../core/resource.ts'
import type { CompiledKinds, Report } from './kinds/kind.ts'

/**
 * A compiled resource with what it was compiled from: its verifying trace. Shared by every generation in which none of that
 * has changed; closes what it holds open when the last of them is gone.
 */
export interface Entry<Name extends KindName = KindName> {
  readonly kind: Name
  readonly name: string
  readonly hash: string
  readonly value: CompiledKinds[Name]
  /** What was referred to, and what it was then; `undefined`: there was none. */
  readonly references: readonly EntryReference[]
  readonly inputs: readonly InputVersion[]
  /** Warnings, to be shown as long as it serves. */
  readonly reports: readonly Report[]
  readonly shares: readonly { release(): void }[]
  /** Of kind, name and content, once it was asked for: entries outlive turns, so each is hashed once. */
  digest: Int32Array | undefined
  /** Generations and preparations that use it. */
  holds: number
}

export interface EntryReference {
  readonly kind: KindName
  readonly name: string
  readonly entry: Entry | undefined
}

export interface InputVersion {
  readonly uri: InputUri
  readonly version: string
}

export function holdEntry(entry: Entry): void {
  entry.holds += 1
}

export function releaseEntry(entry: Entry): void {
  entry.holds -= 1
  if (entry.holds === 0) closeEntry(entry)
}

/** For an entry that nobody came to hold. */
export function closeEntry(entry: Entry): void {
  for (const share of entry.shares) share.release()
}
