import { GatewayError } from '../core/errors.ts'
import { RequestTimeout } from '../lib/http-server/http-exchange.ts'
import { ExpectationFailed } from '../lib/http-server/request-reader.ts'
import { HeadTooLarge, type MalformedMessage } from '../lib/http1/head-fields.ts'

/** What a caller is told whose bytes are no request, or stop coming before it is whole (reliability F106, F103). */
export function requestError(error: MalformedMessage | RequestTimeout): GatewayError {
  if (error instanceof RequestTimeout) {
    return new GatewayError(
      'body_timeout',
      `The request was not sent in time: ${error.message} did not come to its end.`,
    )
  }
  if (error instanceof ExpectationFailed) {
    return new GatewayError('expectation_failed', 'The only expectation that is understood is `Expect: 100-continue`.')
  }
  if (error instanceof HeadTooLarge) {
    return new GatewayError('headers_too_many', `The request's headers are too large: ${error.message}.`)
  }
  return new GatewayError('invalid_request', `The request is not valid HTTP/1.1: ${error.message}.`)
}
