import type { GatewayError } from '../core/errors.ts'
import { account } from './account.ts'
import { answerIdIn } from './answer-id.ts'
import type { Call } from './call.ts'
import { costOfCall } from './cost-of-call.ts'
import type { CallPorts } from './ports.ts'
import { answerHead, standingLines } from './response-head.ts'
import type { Served } from './served.ts'

/**
 * Stop 7: the answer in the caller's dialect.
 * @returns for a stream, its end: the error that cut it after its first content, already told to the caller in-band
 */
export function respond(call: Call, served: Served, ports: CallPorts): Promise<GatewayError | undefined> | undefined {
  const { deployment, prepared, result } = served
  if (prepared.type === 'upstream') {
    call.progress.dropped = prepared.body.dropped
    call.progress.changed = prepared.body.changed
  }
  const lines = standingLines(call, deployment, served.target.resolution.group.name)
  if (result.type === 'stream') {
    const head = answerHead(
      call,
      { headers: result.headers, cost: undefined },
      'text/event-stream; charset=utf-8',
      ports,
    )
    head.push('cache-control', 'no-cache')
    call.progress.firstContentMs = ports.clock.now() - call.startedAt
    call.reply.open(200, head, lines)
    return result.stream.attach(call.reply).then((error) => {
      account(call, served, error, ports)
      return error
    })
  }
  const { bytes, usage, answerId } = served.rendered ?? {
    bytes: result.body.bytes,
    usage: prepared.type === 'local' ? prepared.usage : undefined,
    answerId: answerIdIn(result.body.bytes),
  }
  call.progress.usage = usage
  call.progress.answerId = answerId
  call.progress.cost = costOfCall(call, served, usage, ports, result.headers)
  const answered = { headers: result.headers, cost: call.progress.cost }
  const head = answerHead(call, answered, 'application/json', ports)
  account(call, served, undefined, ports)
  call.reply.send(200, head, bytes, lines)
  return undefined
}
