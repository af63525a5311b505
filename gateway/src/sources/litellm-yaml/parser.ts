import { type Problem, problem } from '../../core/problem.ts'
import { Sequence } from '../../lib/sequence.ts'
import { TaskThread, ThreadLost } from '../../lib/task-thread.ts'
import type { FileInput } from './document.ts'
import { type Parsed, parseConfiguration } from './parse.ts'

export interface ParserLimits {
  /** Of one parse. 16 MiB of YAML take 2 s on a slow core. */
  readonly longestParseMs: number
  /** For the events and nodes of the largest document that the limits of `compose.ts` let through. */
  readonly heapMegabytes: number
}

const defaultLimits: ParserLimits = { longestParseMs: 5_000, heapMegabytes: 1_024 }

/** Texts of together at most so many bytes are parsed in some 5 ms: for them a thread would cost more than it saves. */
const smallBytes = 24_576
const anchor = '&'.charCodeAt(0)

/**
 * Parses configurations, larger ones in a thread of its own: 2,000 deployments take 50 ms, for which the event loop must not
 * stand still.
 */
export interface Parser {
  /**
   * One after the other. Never rejects: a parse that takes too long or too much memory ends its thread, not the process,
   * and is answered with a problem.
   */
  parse(inputs: readonly FileInput[]): Promise<Parsed>
  stop(): Promise<void>
}

export function createParser({ longestParseMs, heapMegabytes } = defaultLimits): Parser {
  const thread = new TaskThread<readonly FileInput[], Parsed>({
    script: new URL('./worker.ts', import.meta.url),
    // A small young generation: the garbage of 60 parses is then 80 MB of memory less, at the same speed.
    limits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: 8 },
    longestMs: longestParseMs,
  })
  const parses = new Sequence()
  let stopped = false

  async function parse(inputs: readonly FileInput[]): Promise<Parsed> {
    if (stopped) return givenUp(inputs, unreadable(inputs, 'its parser was stopped'))
    try {
      return isSmall(inputs) ? parseConfiguration(inputs) : await thread.ask(inputs)
    } catch (error) {
      return givenUp(inputs, lossOf(inputs, error, longestParseMs))
    }
  }

  return {
    parse: (inputs) => parses.run(() => parse(inputs)),
    async stop() {
      stopped = true
      await thread.stop()
    },
  }
}

/** Small, and without anchors: a few of those can ask for any amount of work. */
function isSmall(inputs: readonly FileInput[]): boolean {
  let bytes = 0
  for (const { content } of inputs) {
    if (content.type !== 'bytes') continue
    bytes += content.bytes.length
    if (bytes > smallBytes || content.bytes.includes(anchor)) return false
  }
  return true
}

function lossOf(inputs: readonly FileInput[], error: unknown, limit: number): Problem {
  if (!(error instanceof ThreadLost)) return unreadable(inputs, `its parser failed: ${error}`)
  const { reason, message, tookMs } = error
  if (reason !== 'time') return unreadable(inputs, `its parser ${message}`)
  return problem('document_too_complex', whole(inputs), { what: 'ms of parsing', found: tookMs, limit })
}

function whole(inputs: readonly FileInput[]): { readonly origin: string; readonly path: string } {
  return { origin: inputs[0]?.label ?? '', path: '' }
}

function unreadable(inputs: readonly FileInput[], reason: string): Problem {
  return problem('file_unreadable', whole(inputs), { file: inputs[0]?.label ?? '', reason })
}

function givenUp(inputs: readonly FileInput[], why: Problem): Parsed {
  return {
    files: inputs.map(({ path }) => path),
    missing: [],
    problems: [why],
    labels: [],
    specs: '',
    places: new Int32Array(),
    ends: new Int32Array(),
    fileLabels: [],
    gaveUp: true,
  }
}
