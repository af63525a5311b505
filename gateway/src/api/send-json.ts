import { version } from '../lib/version.ts'
import type { Exchange } from './route.ts'

/** Answers with a JSON body and the headers every answer has. */
export function sendJson(exchange: Exchange, status: number, body: unknown, head: readonly string[] = []): void {
  const headers = ['content-type', 'application/json', 'x-litellm-call-id', exchange.id, 'x-litellm-version', version]
  // A change tells the revision that it made; everything else the one it was answered from.
  if (exchange.snapshot !== undefined && !head.includes('x-midflight-revision'))
    headers.push('x-midflight-revision', String(exchange.snapshot.revision))
  exchange.reply.send(status, [...headers, ...head], JSON.stringify(body))
}
