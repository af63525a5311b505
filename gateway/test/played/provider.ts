import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isObject, type JsonObject } from '../../src/lib/json.ts'
import { anthropic } from './anthropic.ts'
import { type Behaviour, behaviourOfModel, parseBehaviour } from './behaviour.ts'
import { keyOf, markerOf } from './credential.ts'
import { geminiEmbeddings, openaiEmbeddings } from './embeddings.ts'
import { gemini } from './gemini.ts'
import { Ledger, type PlayedCall } from './ledger.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiCompletions } from './openai-completions.ts'
import { readScript } from './question.ts'
import { text } from './read-content.ts'
import { converse, sendError, sendJson } from './respond.ts'
import { type Route, routeOf } from './route.ts'
import type { PlayedWire, Refusal } from './wire.ts'

export interface ProviderOptions {
  /** Behaviour by plain model name, e.g. `{ flaky: 'status=500+times=2' }`; see `Behaviour`. */
  readonly behaviours?: Readonly<Record<string, string>>
  /** Whether a request without the API's own credential header is refused; true unless said otherwise. */
  readonly authenticate?: boolean
  /** Close idle connections after this many ms; `announced` in `keep-alive: timeout=`, or without a word. */
  readonly idleClose?: { readonly afterMs: number; readonly announced: boolean }
  /** Where `redirect` points. */
  readonly redirectTo?: string
}

export interface PlayedProvider {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly ledger: Ledger
  /** Connections accepted since the start, and those open now. */
  readonly connections: { readonly accepted: number; readonly open: number }
  /** Changes the behaviour of a model from the next call on; '' makes it well again. */
  behave(model: string, behaviour: string): void
  /** Keys that are refused with 401 from now on. */
  readonly revoked: Set<string>
  close(): Promise<void>
}

const wires: Readonly<Record<Route['wire'], PlayedWire>> = {
  'openai-chat': openaiChat,
  'openai-completions': openaiCompletions,
  anthropic,
  gemini,
}

/**
 * A real HTTP server that speaks OpenAI, Azure, Anthropic and Gemini by URL, answers what the prompt's script asks
 * (`Script`), misbehaves on demand (`Behaviour`: in the model name after `+`, in the path after `/b/`, or by model), and
 * keeps a ledger of everything that reached it. Answers name the version of the path (`/v/<n>/`) and of the key
 * (`…-v<n>`), so that an answer proves the configuration that asked for it.
 */
export async function playProvider(options: ProviderOptions = {}): Promise<PlayedProvider> {
  const ledger = new Ledger()
  const behaviours = new Map(Object.entries(options.behaviours ?? {}))
  const callsByModel = new Map<string, number>()
  const revoked = new Set<string>()
  const sockets = new Map<Socket, number>()
  let accepted = 0

  const closer = options.idleClose?.announced === false ? new IdleCloser(options.idleClose.afterMs) : undefined
  const server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
    closer?.onRequest(response)
    void serve(request, response)
  })
  server.keepAliveTimeout = options.idleClose?.announced === true ? options.idleClose.afterMs : 0
  server.on('connection', (socket: Socket) => {
    accepted += 1
    sockets.set(socket, accepted)
    socket.setNoDelay(true)
    socket.on('error', () => {}) // resets are part of the play
    socket.once('close', () => sockets.delete(socket))
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    if (body === undefined) return
    const route = routeOf(request.url ?? '/')
    const parsed = body.length === 0 ? {} : parseJson(body)
    const wire = wires[route?.wire ?? 'openai-chat']
    const call = record(request, body.length, parsed ?? {}, route, wire)
    watch(response, call)
    if (route === undefined) return sendError(response, wire, { status: 404, message: `Invalid URL (${request.url})` })
    if (parsed === undefined) {
      return sendError(response, wire, { status: 400, message: 'We could not parse the JSON body of your request.' })
    }
    const refusal = credentialProblem(request, route)
    if (refusal !== undefined) return sendError(response, wire, refusal)
    if (route.operation === 'models') return sendJson(response, 200, modelList())
    await answer(response, call, parsed, route, wire)
  }

  function record(
    request: IncomingMessage,
    bodyBytes: number,
    body: JsonObject,
    route: Route | undefined,
    wire: PlayedWire,
  ): PlayedCall {
    const chat = route?.operation === 'chat' ? wire.read(body, route) : undefined
    return ledger.add({
      id: readScript(chat?.prompt ?? '').id ?? '',
      method: request.method ?? '',
      path: request.url ?? '',
      headers: Object.fromEntries(
        Object.entries(request.headersDistinct).map(([name, all]) => [name, all?.join(', ') ?? '']),
      ),
      body,
      bodyBytes,
      connection: sockets.get(request.socket) ?? 0,
      model: chat?.model ?? (text(body.model) || (route?.model ?? '')),
      startedAt: performance.now(),
    })
  }

  function credentialProblem(request: IncomingMessage, route: Route): Refusal | undefined {
    const key = keyOf(request, route)
    if (key !== undefined && revoked.has(key)) return { status: 401, message: 'This API key was revoked.' }
    if (options.authenticate === false) return undefined
    if (key === undefined) return { status: 401, message: `You didn't provide an API key (${route.credential}).` }
    if (route.wire === 'anthropic' && request.headers['anthropic-version'] === undefined) {
      return { status: 400, message: 'anthropic-version: header is required' }
    }
    return undefined
  }

  function behaviourFor(model: string, route: Route): Behaviour {
    const { name, behaviour: ofModel } = behaviourOfModel(model)
    const behaviour = { ...parseBehaviour(behaviours.get(name) ?? ''), ...route.behaviour, ...ofModel }
    const count = (callsByModel.get(model) ?? 0) + 1
    callsByModel.set(model, count)
    return behaviour.times !== undefined && count > behaviour.times ? {} : behaviour
  }

  async function answer(
    response: ServerResponse,
    call: PlayedCall,
    body: JsonObject,
    route: Route,
    wire: PlayedWire,
  ): Promise<void> {
    const behaviour = behaviourFor(call.model, route)
    if (behaviour.silent === true) return
    if (behaviour.resetUnanswered === true) return void response.socket?.resetAndDestroy()
    if (behaviour.closeUnanswered === true) return response.socket?.destroySoon()
    // A minute of which nobody waits for the end must not keep the test's process.
    if (behaviour.headersDelay !== undefined) await sleep(behaviour.headersDelay, undefined, { ref: false })
    if (behaviour.redirect !== undefined) {
      response.writeHead(behaviour.redirect, { location: options.redirectTo ?? '/' }).end()
      return
    }
    if (behaviour.refuse !== undefined) return sendError(response, wire, wire.refusals[behaviour.refuse], behaviour)
    if (behaviour.status !== undefined) {
      const message = `The server had an error (played ${behaviour.status}).`
      return sendError(response, wire, { status: behaviour.status, message }, behaviour)
    }
    const version = route.version ?? 0
    if (route.operation === 'embeddings') {
      if (body.input === undefined) return sendError(response, wire, { status: 400, message: "Missing 'input'." })
      return sendJson(response, 200, openaiEmbeddings(body, behaviourOfModel(call.model).name, version))
    }
    if (route.operation === 'gemini-embeddings') return sendJson(response, 200, geminiEmbeddings(body, version))
    if (route.operation === 'gemini-count') return sendJson(response, 200, { totalTokens: 40 })
    const problem = wire.problemWith(route.operation === 'count-tokens' ? { max_tokens: 1, ...body } : body)
    if (problem !== undefined) return sendError(response, wire, problem)
    if (route.operation === 'count-tokens') return sendJson(response, 200, { input_tokens: 40 })
    await converse(response, call, wire.read(body, route), markerOf(call, route), wire, behaviour)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a TCP server that listens has this form of address
  return {
    url: `http://127.0.0.1:${port}`,
    ledger,
    revoked,
    get connections() {
      return { accepted, open: sockets.size }
    },
    behave: (model, behaviour) => {
      parseBehaviour(behaviour)
      behaviours.set(model, behaviour)
      callsByModel.clear()
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets.keys()) socket.destroy()
      await closed
    },
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer) // no encoding is set, so chunks are buffers
  } catch {
    return undefined // the other side left while sending
  }
  return Buffer.concat(chunks)
}

function parseJson(body: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(body.toString())
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function watch(response: ServerResponse, call: PlayedCall): void {
  response.once('finish', () => {
    call.finishedAt = performance.now()
  })
  response.once('close', () => {
    if (call.finishedAt === undefined) call.abortedAt = performance.now()
  })
}

/** Closes idle connections without having announced it, as a load balancer in front of a provider does. */
class IdleCloser {
  readonly #afterMs: number
  readonly #timers = new Map<Socket, NodeJS.Timeout>()

  constructor(afterMs: number) {
    this.#afterMs = afterMs
  }

  onRequest(response: ServerResponse): void {
    const { socket } = response
    if (socket === null) return
    clearTimeout(this.#timers.get(socket))
    response.once('finish', () => {
      this.#timers.set(
        socket,
        setTimeout(() => socket.destroy(), this.#afterMs),
      )
    })
    if (!this.#timers.has(socket)) socket.once('close', () => clearTimeout(this.#timers.get(socket)))
  }
}

function modelList(): JsonObject {
  const ids = ['played-small', 'played-large']
  return {
    object: 'list',
    data: ids.map((id) => ({ id, object: 'model', created: 1_760_000_000, owned_by: 'played' })),
  }
}
