import { Worker } from 'node:worker_threads'
import { type Problem, problem } from '../../core/problem.ts'
import { errorCode } from '../../lib/file-content.ts'
import { workerEnvironment } from '../../lib/worker-environment.ts'
import type { FileInput } from './document.ts'
import { type Parsed, parseConfiguration } from './parse.ts'

export interface ParserLimits {
  /** Of one parse. 16 MiB of YAML take 2 s on a slow core. */
  readonly longestParseMs: number
  /** For the events and nodes of the largest document that the limits of `compose.ts` let through. */
  readonly heapMegabytes: number
}

const defaultLimits: ParserLimits = { longestParseMs: 5_000, heapMegabytes: 1_024 }

/** The time is counted in steps that were really taken: a suspended process wakes up with every timer due at once. */
const stepMs = 250

/** What the thread is sent. A rehearsal is not answered. */
export interface ParserTask {
  readonly type: 'parse' | 'rehearsal'
  readonly inputs: readonly FileInput[]
}

/** A thread's first parses take three times as long as its later ones: it does them on the first text, before an edit waits. */
const rehearsals = 3

/** Texts of together at most so many bytes are parsed in some 5 ms: for them a thread, and its 40 MB, would cost more than it saves. */
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
  let worker: Worker | undefined
  let last: Promise<unknown> = Promise.resolve()
  let stopped = false
  let failure = 'its parser was stopped'

  function start(): Worker {
    const started = new Worker(new URL('./worker.ts', import.meta.url), {
      // A small young generation: the garbage of 60 parses is then 80 MB of memory less, at the same speed.
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: 8 },
      // The gateway's own flags (`--test`, `--watch` …) are not the parser's.
      execArgv: [],
      env: workerEnvironment(),
    })
    // An idle parser keeps no process alive; `parse` holds it while it waits.
    started.unref()
    started.on('error', (error) => {
      failure =
        errorCode(error) === 'ERR_WORKER_OUT_OF_MEMORY' ? 'its parser ran out of memory' : `its parser failed: ${error}`
    })
    started.on('exit', () => {
      if (worker === started) worker = undefined
    })
    return started
  }

  function ask(inputs: readonly FileInput[]): Promise<Parsed> {
    if (stopped) return Promise.resolve(givenUp(inputs, unreadable(inputs, failure)))
    if (worker === undefined && isSmall(inputs)) return Promise.resolve(parseHere(inputs))
    const first = worker === undefined
    worker ??= start()
    const asked = worker
    return new Promise((resolve) => {
      let tookMs = 0
      const timer = setInterval(() => {
        tookMs += stepMs
        if (tookMs > longestParseMs) void asked.terminate()
      }, stepMs)
      const settle = (parsed: Parsed): void => {
        clearInterval(timer)
        if (first && worker === asked) rehearse(asked, inputs)
        asked.off('message', settle)
        asked.off('exit', died)
        asked.unref()
        resolve(parsed)
      }
      const died = (): void => {
        if (tookMs <= longestParseMs) {
          settle(givenUp(inputs, unreadable(inputs, failure)))
          return
        }
        const facts = { what: 'ms of parsing', found: tookMs, limit: longestParseMs }
        settle(givenUp(inputs, problem('document_too_complex', whole(inputs), facts)))
      }
      asked.on('message', settle)
      asked.on('exit', died)
      asked.ref()
      asked.postMessage({ type: 'parse', inputs } satisfies ParserTask)
    })
  }

  return {
    parse(inputs) {
      const parsed = last.then(() => ask(inputs))
      last = parsed
      return parsed
    },
    async stop() {
      stopped = true
      await worker?.terminate()
    },
  }
}

function rehearse(worker: Worker, inputs: readonly FileInput[]): void {
  for (let run = 0; run < rehearsals; run += 1) {
    worker.postMessage({ type: 'rehearsal', inputs } satisfies ParserTask)
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

function parseHere(inputs: readonly FileInput[]): Parsed {
  try {
    return parseConfiguration(inputs)
  } catch (error) {
    return givenUp(inputs, unreadable(inputs, `its parser failed: ${error}`))
  }
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
