import { Buffer } from 'node:buffer'
import type { ChatEvent, ChatResponse } from '../core/chat.ts'
import type { Deployment } from '../core/deployment.ts'
import { type ErrorCode, GatewayError } from '../core/errors.ts'
import { wireBody } from '../lib/bytes.ts'
import { isObject, type JsonValue } from '../lib/json.ts'
import type { Call } from './call.ts'
import { attemptError } from './failure.ts'
import type { MockOptions } from './options.ts'
import type { CallPorts } from './ports.ts'
import type { OpenStream, Prepared } from './served.ts'
import { asksForUsage } from './upstream-body.ts'

/** `mock_response: "litellm.RateLimitError"` and the like: fail as the provider would (contract 4.7). */
const mockedErrors: Readonly<Record<string, ErrorCode>> = {
  'litellm.RateLimitError': 'upstream_rate_limited',
  'litellm.InternalServerError': 'upstream_error',
  'litellm.ContextWindowExceededError': 'context_window_exceeded',
  'litellm.ContentPolicyViolationError': 'content_policy_violation',
  'litellm.AuthenticationError': 'upstream_authentication',
  'litellm.BadRequestError': 'upstream_bad_request',
  'litellm.ServiceUnavailableError': 'upstream_unavailable',
  'litellm.Timeout': 'upstream_timeout',
}

const failures = {
  general: 'upstream_error',
  context_window: 'context_window_exceeded',
  content_policy: 'content_policy_violation',
  rate_limit: 'upstream_rate_limited',
} as const satisfies Record<NonNullable<MockOptions['failFirst']>, ErrorCode>

export function mockFailure(kind: NonNullable<MockOptions['failFirst']>, deployment: Deployment): GatewayError {
  return attemptError(deployment, {
    code: failures[kind],
    message: `This is a mock exception of the request's mock_testing switch for model=${deployment.modelName}`,
  })
}

/**
 * The canned answer that the request or the deployment asks for, in the caller's dialect; `undefined` when neither asks for one.
 * @param deadline `Clock.now()` at which the attempt is over
 * @throws GatewayError `invalid_request` for a call that is not a chat; its `answer` throws the mocked errors
 */
export function mocked(call: Call, deployment: Deployment, deadline: number, ports: CallPorts): Prepared | undefined {
  const mock = call.options.mock
  const text = mock?.response ?? deployment.mockResponse
  if (text === undefined && mock?.toolCalls === undefined && mock?.timeout !== true) return undefined
  const dialect = ports.dialect(call.dialect)
  if (dialect.family !== 'chat') {
    throw new GatewayError('invalid_request', `mock_response answers chat and completion calls, not ${call.route}`, {
      param: 'mock_response',
    })
  }
  const response = mockResponse(call, text ?? '', mock?.toolCalls ?? [], ports)
  return {
    type: 'local',
    usage: response.usage,
    async answer() {
      if (mock?.timeout === true) {
        await ports.sleep(Math.max(0, deadline - ports.clock.now()))
        throw attemptError(deployment, { code: 'upstream_timeout', message: 'Timeout: mocked by mock_timeout' })
      }
      if (mock !== undefined && mock.delayMs > 0) await ports.sleep(mock.delayMs)
      const code = text === undefined ? undefined : mockedErrors[text]
      if (code !== undefined) throw attemptError(deployment, { code, message: `mocked by mock_response: ${text}` })
      if (!call.stream) {
        const body = Buffer.from(JSON.stringify(dialect.encodeResponse(response, call.model)))
        return { type: 'whole', headers: [], body: wireBody(body) }
      }
      const encoder = dialect.openEncoder({ model: call.model, includeUsage: asksForUsage(call.body) })
      const events = eventsOf(response).map((event) => encoder.push(event))
      return { type: 'stream', headers: [], stream: mockStream(events, ports) }
    },
  }
}

function mockResponse(call: Call, text: string, toolCalls: readonly JsonValue[], ports: CallPorts): ChatResponse {
  const calls = toolCalls.flatMap((entry, index) => toolCallOf(entry, index))
  const outputTokens = Math.max(1, Math.ceil(text.length / 4))
  return {
    id: `chatcmpl-mock-${call.id}`,
    model: call.model,
    created: Math.floor(ports.clock.wall() / 1000),
    choices: [
      {
        index: 0,
        content: [...(text === '' ? [] : [{ type: 'text' as const, text }]), ...calls],
        finish: calls.length > 0 ? 'tool-calls' : 'stop',
      },
    ],
    usage: { inputTokens: 10, outputTokens },
    extra: {},
  }
}

function toolCallOf(entry: JsonValue, index: number) {
  const fn = isObject(entry) ? entry.function : undefined
  if (!isObject(entry) || !isObject(fn) || typeof fn.name !== 'string') return []
  const id = typeof entry.id === 'string' ? entry.id : `call_mock_${index}`
  const args = typeof fn.arguments === 'string' ? fn.arguments : JSON.stringify(fn.arguments ?? {})
  return [{ type: 'tool-call' as const, id, name: fn.name, arguments: args }]
}

function eventsOf(response: ChatResponse): readonly ChatEvent[] {
  const events: ChatEvent[] = [{ type: 'start', id: response.id, model: response.model, created: response.created }]
  let calls = 0
  for (const choice of response.choices) {
    for (const part of choice.content) {
      if (part.type === 'text') {
        for (const text of part.text.match(/\s*\S+\s*$|\s*\S+/g) ?? [part.text]) {
          events.push({ type: 'text-delta', choice: choice.index, text })
        }
      } else if (part.type === 'tool-call') {
        events.push({ type: 'tool-call-start', choice: choice.index, call: calls, id: part.id, name: part.name })
        events.push({ type: 'tool-call-delta', choice: choice.index, call: calls, arguments: part.arguments })
        calls += 1
      }
    }
    events.push({ type: 'finish', choice: choice.index, reason: choice.finish })
  }
  if (response.usage !== undefined) events.push({ type: 'usage', usage: response.usage })
  events.push({ type: 'end' })
  return events
}

/** Between two words of a canned stream, so that it can be seen to stream. */
const wordMs = 15

function mockStream(events: readonly string[], ports: CallPorts): OpenStream {
  return {
    async attach(reply) {
      for (const event of events) {
        if (reply.gone) return new GatewayError('client_closed', 'The caller closed the connection.')
        if (event === '') continue
        reply.write(event)
        await ports.sleep(wordMs)
      }
      reply.end()
      return undefined
    },
  }
}
