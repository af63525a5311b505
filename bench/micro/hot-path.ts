/** `node bench/micro/hot-path.ts`: what the bytes of one call cost on their way through, without sockets. */
import { relayPipe, relayWhole } from '../../gateway/src/calls/relay.ts'
import { chatDialect } from '../../gateway/src/dialects/index.ts'
import { wireBody } from '../../gateway/src/lib/bytes.ts'
import { parseJsonObject } from '../../gateway/src/lib/json.ts'
import { scanTopLevel } from '../../gateway/src/lib/json-scan.ts'
import { createSseParser, createSseSplitter } from '../../gateway/src/lib/sse.ts'
import { chatBody } from '../candidates/candidate.ts'
import { unaryAnswer } from '../nginx.ts'
import { measure } from './measure.ts'

const request = Buffer.from(chatBody('bench-unary', 'unary'))
const longRequest = Buffer.from(
  JSON.stringify({ messages: [{ role: 'user', content: 'A long prompt. '.repeat(7_000) }], model: 'bench-unary' }),
)
const answer = Buffer.from(unaryAnswer)
const events = Array.from({ length: 50 }, (_, index) =>
  Buffer.from(
    index === 49
      ? 'data: [DONE]\n\n'
      : `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench-model","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n`,
  ),
)
const stream = Buffer.concat(events)
const dialect = chatDialect('openai-chat')
const shown = { model: 'bench-paced', includeUsage: false }

measure('parse a request of 150 bytes', () => parseJsonObject(request))
measure('find `model` in it', () => scanTopLevel(request, 0, request.length, ['model']))
measure('parse a request of 100 kB', () => parseJsonObject(longRequest))
measure('find `model` in it, at the end', () => scanTopLevel(longRequest, 0, longRequest.length, ['model']))
measure('relay an answer of 400 bytes, renamed', () => relayWhole(dialect, wireBody(answer), 'bench-unary'))
measure('split 50 events that came in one read', () => createSseSplitter().push(stream))
measure('parse 50 events that came in one read', () => createSseParser().push(stream))
measure('relay 50 events that came in one read, renamed', () => relayPipe(dialect, shown).push(stream))
measure('relay 50 events that came one by one, renamed', () => {
  const pipe = relayPipe(dialect, shown)
  for (const event of events) pipe.push(event)
  return pipe
})
