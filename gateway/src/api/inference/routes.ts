import type { Buffer } from 'node:buffer'
import { accessRefusal } from '../../calls/access.ts'
import type { Call } from '../../calls/call.ts'
import { handle } from '../../calls/handle.ts'
import type { CallPorts } from '../../calls/ports.ts'
import { GatewayError } from '../../core/errors.ts'
import type { DialectName } from '../../core/wire.ts'
import { readBody } from '../read-body.ts'
import type { Exchange, Route } from '../route.ts'
import { callOf, type DecodedRequest, decodeRequest } from './decode.ts'
import { type Named, namedBy, type Records } from './named.ts'

/** Where each dialect is spoken (contract 4.1). `{model}` names the model in the path, as Azure's clients do. */
const paths: readonly (readonly [DialectName, readonly string[]])[] = [
  ['openai-chat', openAiPaths('chat/completions')],
  ['openai-completions', openAiPaths('completions')],
  ['openai-embeddings', openAiPaths('embeddings')],
  ['anthropic-messages', ['/v1/messages', '/anthropic/v1/messages']],
  ['anthropic-count-tokens', ['/v1/messages/count_tokens', '/anthropic/v1/messages/count_tokens']],
]

function openAiPaths(name: string): readonly string[] {
  return [`/v1/${name}`, `/${name}`, `/engines/{model}/${name}`, `/openai/deployments/{model}/${name}`]
}

export function inferenceRoutes(ports: CallPorts, records?: Records): readonly Route[] {
  return paths.flatMap(([dialect, ofDialect]) =>
    ofDialect.map(
      (path): Route => ({
        method: 'POST',
        path,
        access: 'caller',
        dialect,
        handle: (exchange) => serve(exchange, dialect, ports, records),
      }),
    ),
  )
}

/** Not an async function: until something has to be waited for, a request is one run of plain calls. */
function serve(
  exchange: Exchange,
  dialect: DialectName,
  ports: CallPorts,
  records: Records | undefined,
): Promise<void> {
  const snapshot = snapshotOf(exchange)
  const { maxRequestBytes, limits } = snapshot.settings
  const body = readBody(exchange, maxRequestBytes)
  return body instanceof Promise ? body.then(onBody) : onBody(body)

  function onBody(bytes: Buffer): Promise<void> {
    const request = decodeRequest(exchange, bytes, dialect)
    const named = namedBy(request, exchange.principal, limits, records)
    return named instanceof Promise ? named.then((found) => onNamed(request, found)) : onNamed(request, named)
  }

  function onNamed(request: DecodedRequest, named: Named): Promise<void> {
    const call = callOf(exchange, snapshot, request, named)
    if (!mayBeOutdated(call)) return handle(call, ports)
    return renewed(exchange, request, call, records).then((newer) => handle(newer, ports))
  }
}

/** Whether the call would be refused for something that another replica may have changed a moment ago. */
function mayBeOutdated(call: Call): boolean {
  return call.snapshot.models.resolve(call.routedAs) === undefined || accessRefusal(call) !== undefined
}

/** The same call by what every replica has committed until now; while the store is away, by what is known. */
async function renewed(
  exchange: Exchange,
  request: DecodedRequest,
  call: Call,
  records: Records | undefined,
): Promise<Call> {
  try {
    const newest = await exchange.renew()
    const snapshot = snapshotOf(newest)
    return callOf(
      newest,
      snapshot,
      request,
      await namedBy(request, newest.principal, snapshot.settings.limits, records),
    )
  } catch (caught) {
    if (caught instanceof GatewayError && caught.code === 'store_unavailable') return call
    throw caught
  }
}

function snapshotOf(exchange: Exchange) {
  if (exchange.snapshot === undefined) throw new GatewayError('not_ready', 'No configuration is loaded yet.')
  return exchange.snapshot
}
