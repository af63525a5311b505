import { asGatewayError, GatewayError } from '../core/errors.ts'
import { account } from './account.ts'
import { admit } from './admit.ts'
import type { Call } from './call.ts'
import { dispatch } from './dispatch.ts'
import { withCallId } from './error-body.ts'
import { takeRoom } from './limits.ts'
import type { CallPorts } from './ports.ts'
import { respond } from './respond.ts'
import { errorHead } from './response-head.ts'
import { route } from './route.ts'
import type { Served } from './served.ts'
import { settle } from './settle.ts'

/**
 * The life of one inference call, from the decoded request (stops 1 to 3 are at the wall) to its outcome.
 * Never rejects: what goes wrong is the caller's answer, and settled.
 */
export async function handle(call: Call, ports: CallPorts): Promise<void> {
  ports.traffic.inFlight += 1
  let served: Served | undefined
  let error: GatewayError | undefined
  try {
    admit(call)
    if (ports.ledger?.full === true) throw ledgerFull()
    const target = route(call)
    const room = takeRoom(call, target, ports)
    call.progress.admission = room instanceof Promise ? await room : room
    served = await dispatch(call, target, ports)
    const streamed = respond(call, served, ports)
    if (streamed !== undefined) error = await streamed
  } catch (caught) {
    error = asGatewayError(caught)
    account(call, served, error, ports)
    refuse(call, error, ports)
  } finally {
    ports.traffic.inFlight -= 1
    settle(call, served, error, ports)
  }
}

/** A call that could not be accounted for is not made. */
function ledgerFull(): GatewayError {
  return new GatewayError(
    'ledger_full',
    'The gateway cannot keep records of calls: its disk is full and its memory for them used up. See /config/status.',
  )
}

function refuse(call: Call, error: GatewayError, ports: CallPorts): void {
  if (error.code === 'internal') ports.report('call.failed', { callId: call.id }, error.cause)
  if (call.reply.gone || call.reply.opened) {
    call.reply.end()
    return
  }
  const body = withCallId(ports.dialect(call.dialect).encodeError(error), call.id, call.settings)
  call.reply.send(error.status, errorHead(call.id, call.snapshot.revision, error), JSON.stringify(body))
}
