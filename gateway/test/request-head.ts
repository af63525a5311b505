import type { RequestHead } from '../src/api/request-head.ts'

/** The head of a chat request that says no more than what is given. */
export function requestHead(given: Partial<RequestHead>): RequestHead {
  return {
    method: 'POST',
    path: '/v1/chat/completions',
    query: '',
    keys: { authorization: undefined, other: undefined },
    contentType: undefined,
    contentEncoding: undefined,
    callId: undefined,
    endUser: undefined,
    tags: undefined,
    timeout: undefined,
    streamTimeout: undefined,
    retries: undefined,
    ...given,
  }
}

export function headWithKey(key: string): RequestHead {
  return requestHead({ keys: { authorization: `Bearer ${key}`, other: undefined } })
}
