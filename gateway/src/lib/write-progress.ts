import type { Buffer } from 'node:buffer'
import type { FileContent } from './file-content.ts'

/** Between the two equal reads that every content needs: longer than a writer waits between two chunks of one save. */
export const wholeQuietMs = 25
/** For a content that looks cut off. Longer than a writer that pauses for 2 s, short enough to be live within 3 s of a save. */
export const cutQuietMs = 2_500
/** However slow a writer was seen to be, this much silence ends its work. */
const longestQuietMs = 5_000

/** How a file ends is compared over at least this many bytes; over more when they occur twice in it. */
const shortestTail = 64
const lineFeed = 10

interface Accepted {
  readonly bytes: Buffer
  readonly inode: bigint
  /** An end that occurs once, so that a copy of the file cut in the middle cannot have it; `undefined` if there is none. */
  readonly tail: Buffer | undefined
}

interface Seen {
  readonly content: FileContent
  readonly sinceMs: number
  /** Compared with what was accepted it looks unfinished. */
  readonly cut: boolean
}

/**
 * Tells a whole file from one that is still being written.
 * A truncated YAML file is often valid YAML, so its parser cannot tell. What can: a name that was given by renaming stands for a
 * whole file; so does one that ends as the last accepted content did. One that lost its last lines, or is empty or gone, is
 * probably being rewritten and is left alone for `cutQuietMs`. A writer that was seen to append after a pause may pause again and
 * is waited for three times as long. What no rule catches is a writer that pauses at the end of a line, beyond the old length,
 * and was not seen before: rename files into place.
 */
export class WriteProgress {
  #accepted: Accepted | undefined
  #seen: Seen | undefined
  /** Of a writer that was seen to append; 0 while none was. */
  #longestPauseMs = 0

  /**
   * Takes note of a content.
   * @param nowMs any clock that only grows
   * @returns how long, counted from when it was first seen, this content must stay the same before it is taken for whole
   */
  observe(content: FileContent, nowMs: number): { readonly quietMs: number; readonly sinceMs: number } {
    const before = this.#seen
    const same = before?.content.digest === content.digest
    const seen = same ? before : { content, sinceMs: nowMs, cut: this.#looksCut(content) }
    if (!same) {
      const grown = before !== undefined && extendsIt(before.content, content)
      this.#longestPauseMs = grown ? Math.max(this.#longestPauseMs, nowMs - before.sinceMs) : 0
      this.#seen = seen
    }
    // Asked anew each time: the event that somebody wrote into a new file may come after the first look at it.
    const quietMs = this.#isMoved(content) ? wholeQuietMs : this.#patienceMs(seen.cut)
    return { quietMs, sinceMs: seen.sinceMs }
  }

  /** This content is the state of the file now, good or bad: later ones are measured against it. */
  accept(content: FileContent): void {
    this.#seen = undefined
    this.#longestPauseMs = 0
    if (!content.found || content.bytes === this.#accepted?.bytes) return
    this.#accepted = { bytes: content.bytes, inode: content.stamp.inode, tail: uniqueTail(content.bytes) }
  }

  #patienceMs(cut: boolean): number {
    const paused = this.#longestPauseMs === 0 ? 0 : wholeQuietMs + 3 * this.#longestPauseMs
    return Math.max(cut ? cutQuietMs : wholeQuietMs, Math.min(paused, longestQuietMs))
  }

  #looksCut(content: FileContent): boolean {
    const accepted = this.#accepted
    if (accepted === undefined) return false
    if (!content.found) return content.tooLarge === undefined
    const { bytes } = content
    if (bytes.length === 0) return true
    if (accepted.tail !== undefined && endsWith(bytes, accepted.tail)) return false
    return hasLessEnd(accepted.bytes, bytes)
  }

  #isMoved(content: FileContent): boolean {
    if (!content.found || content.bytes.length === 0) return false
    return content.stamp.moved && content.stamp.inode !== this.#accepted?.inode
  }
}

/** Fewer lines than before, or the last one incomplete. Where the last line never was complete only the length can tell. */
function hasLessEnd(before: Buffer, now: Buffer): boolean {
  // A single line, e.g. a secret, is written in one piece: another and shorter one is whole, the start of this one is not.
  if (!before.subarray(0, -1).includes(lineFeed)) return before.subarray(0, now.length).equals(now)
  if (before.at(-1) === lineFeed ? now.at(-1) !== lineFeed : now.length < before.length) return true
  return countLines(now) < countLines(before)
}

function countLines(bytes: Buffer): number {
  let lines = 0
  for (const byte of bytes) if (byte === lineFeed) lines += 1
  return lines
}

/** Whether the second content is the first one with more after it; an empty file is how most rewrites start. */
function extendsIt(first: FileContent, second: FileContent): boolean {
  if (!first.found || !second.found || second.bytes.length <= first.bytes.length) return false
  return second.bytes.subarray(0, first.bytes.length).equals(first.bytes)
}

function uniqueTail(bytes: Buffer): Buffer | undefined {
  for (let length = shortestTail; length <= bytes.length / 2; length *= 2) {
    const tail = bytes.subarray(bytes.length - length)
    if (bytes.indexOf(tail) === bytes.length - length) return tail
  }
  return undefined
}

function endsWith(bytes: Buffer, tail: Buffer): boolean {
  return bytes.length >= tail.length && bytes.subarray(bytes.length - tail.length).equals(tail)
}
