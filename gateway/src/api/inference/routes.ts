import { accessRefusal } from '../../calls/access.ts'
import type { Call } from '../../calls/call.ts'
import { handle } from '../../calls/handle.ts'
import type { CallPorts } from '../../calls/ports.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Customer } from '../../core/principal.ts'
import type { DialectName } from '../../core/wire.ts'
import type { Directory } from '../../directory/directory.ts'
import type { Exchange, Route } from '../route.ts'
import { callOf, type DecodedRequest, decodeRequest } from './decode.ts'

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

/** Where end users are looked up. */
export type Customers = Pick<Directory, 'find'>

export function inferenceRoutes(ports: CallPorts, customers?: Customers): readonly Route[] {
  return paths.flatMap(([dialect, ofDialect]) =>
    ofDialect.map(
      (path): Route => ({
        method: 'POST',
        path,
        access: 'caller',
        dialect,
        async handle(exchange) {
          const snapshot = snapshotOf(exchange)
          const request = await decodeRequest(exchange, snapshot.settings.maxRequestBytes, dialect)
          const call = callOf(exchange, snapshot, request, await customerOf(request, customers))
          await handle(mayBeOutdated(call) ? await renewed(exchange, request, call, customers) : call, ports)
        },
      }),
    ),
  )
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
  customers: Customers | undefined,
): Promise<Call> {
  try {
    const newest = await exchange.renew()
    return callOf(newest, snapshotOf(newest), request, await customerOf(request, customers))
  } catch (caught) {
    if (caught instanceof GatewayError && caught.code === 'store_unavailable') return call
    throw caught
  }
}

/** The record of the end user whom the request names. */
function customerOf(
  { endUser }: DecodedRequest,
  customers: Customers | undefined,
): Customer | undefined | Promise<Customer | undefined> {
  if (endUser === undefined) return undefined
  const found = customers?.find('customer', endUser)
  if (!(found instanceof Promise)) return found
  return found.catch((caught: unknown) => {
    // Whether it has limits cannot be known now; the caller's key is known, and its calls go on.
    if (caught instanceof GatewayError && caught.code === 'store_unavailable') return undefined
    throw caught
  })
}

function snapshotOf(exchange: Exchange) {
  if (exchange.snapshot === undefined) throw new GatewayError('not_ready', 'No configuration is loaded yet.')
  return exchange.snapshot
}
