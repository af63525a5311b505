import type { Client } from 'pg'
import { pgPackage } from '../../lib/late-package.ts'
import { type Topic, topics } from '../sql.ts'
import { connectionConfig } from './connection.ts'
import type { Address } from './url.ts'

export interface ListenerOptions {
  readonly address: Address
  onHint(topic: Topic): void
  /** The connection was lost or does not answer. */
  onDoubt(): void
}

const pingMs = 1_000
const firstRetryMs = 100
const longestRetryMs = 5_000

/** The name of the channel that carries the hints of a topic. */
export function channelOf(topic: Topic): string {
  return `midflight_${topic}`
}

/**
 * One connection that listens, and connects again by itself for as long as it is wanted. It asks the database every second whether it
 * is there, so that silence is noticed before anybody waits for an answer. After each connect there is a hint: what was said meanwhile was not heard.
 */
export function listen({ address, onHint, onDoubt }: ListenerOptions): () => void {
  let client: Client | undefined
  let timer: NodeJS.Timeout | undefined
  let retryMs = firstRetryMs
  let ended = false

  async function connect(): Promise<void> {
    const started = new (pgPackage().Client)(connectionConfig(address))
    client = started
    started.on('error', () => lost(started))
    started.on('end', () => lost(started))
    started.on('notification', ({ channel }) => {
      const topic = topics.find((each) => channelOf(each) === channel)
      if (topic !== undefined) onHint(topic)
    })
    try {
      await started.connect()
      for (const topic of topics) await started.query(`LISTEN ${channelOf(topic)}`)
    } catch {
      return lost(started)
    }
    if (client !== started) return
    retryMs = firstRetryMs
    for (const topic of topics) onHint(topic)
    ping(started)
  }

  function ping(asked: Client): void {
    timer = setTimeout(() => {
      asked.query('SELECT 1').then(
        () => {
          if (client === asked) ping(asked)
        },
        () => lost(asked),
      )
    }, pingMs)
    timer.unref()
  }

  function lost(which: Client): void {
    if (client !== which) return
    client = undefined
    clearTimeout(timer)
    end(which)
    if (ended) return
    onDoubt()
    timer = setTimeout(() => void connect(), retryMs * (0.75 + Math.random() / 2))
    timer.unref()
    retryMs = Math.min(retryMs * 2, longestRetryMs)
  }

  void connect()
  return () => {
    ended = true
    clearTimeout(timer)
    const leaving = client
    client = undefined
    if (leaving !== undefined) end(leaving)
  }
}

/** Says goodbye where somebody listens; a connection that hangs is left to the operating system. */
function end(client: Client): void {
  client.end().catch(() => undefined)
}
