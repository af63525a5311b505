import { createHash } from 'node:crypto'
import { prepare } from '../src/config/prepare.ts'
import type { Prepared } from '../src/config/prepared.ts'
import { UsagePool } from '../src/config/usage-pool.ts'
import type { InputContent, Inputs, InputUri } from '../src/core/input.ts'
import { type Problem, problem } from '../src/core/problem.ts'
import type { KindName, Layer, Resource, Source } from '../src/core/resource.ts'
import { openPool } from '../src/lib/http-client/open-pool.ts'
import type { UpstreamPool } from '../src/lib/http-client.ts'
import type { JsonObject } from '../src/lib/json.ts'
import { Secret } from '../src/lib/secret.ts'

/** What surrounds the control plane in its tests: declarations as values, and an outside world that the test moves. */

/** A configuration as a file would declare it, the places of its values made up from their paths. */
export interface Declaration {
  readonly models?: readonly JsonObject[]
  readonly credentials?: readonly JsonObject[]
  readonly aliases?: readonly { readonly name: string; readonly spec: JsonObject }[]
  readonly settings?: JsonObject
  readonly problems?: readonly Problem[]
  /** Moves every line down, as a comment put at the top does. */
  readonly line?: number
  readonly version?: string
}

export function layerOf(declaration: Declaration, source = 'config.yaml'): Layer {
  const { models = [], credentials = [], aliases = [], settings, problems = [], line = 1 } = declaration
  const resources: Resource[] = []
  const add = (kind: KindName, name: string, spec: JsonObject, path: string): void => {
    const place = line + resources.length
    resources.push({
      kind,
      name,
      spec,
      hash: digest(JSON.stringify(spec)),
      origin: `${source}:${place}:1`,
      path,
      originOf: (inner) => `${source}:${place}:${inner.length + 1}`,
    })
  }
  for (const [index, spec] of credentials.entries()) {
    add('credential', String(spec.credential_name), spec, `credential_list[${index}]`)
  }
  for (const [index, spec] of models.entries()) add('deployment', idOf(spec), spec, `model_list[${index}]`)
  for (const { name, spec } of aliases) add('alias', name, spec, `router_settings.model_group_alias.${name}`)
  if (settings !== undefined) add('settings', 'gateway', settings, '')
  const version = declaration.version ?? digest(JSON.stringify([resources.map(({ hash }) => hash), problems, line]))
  return { source, version, resources, problems }
}

/** An entry of `model_list` at a local server, so that it needs no key. */
export function model(name: string, id: string, params: JsonObject = {}): JsonObject {
  return {
    model_name: name,
    litellm_params: { model: `openai/${name}`, api_base: 'http://127.0.0.1:9', api_key: 'sk-test', ...params },
    model_info: { id },
  }
}

export function models(count: number, params: JsonObject = {}): JsonObject[] {
  return Array.from({ length: count }, (_, index) => model(`model-${index}`, `id-${index}`, params))
}

function idOf(spec: JsonObject): string {
  const info = spec.model_info as JsonObject | undefined
  return typeof info?.id === 'string' ? info.id : digest(JSON.stringify(spec))
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** A source that offers what the test says. */
export class PlayedSource implements Source {
  readonly name: string
  readonly identity?: string
  readonly inputs?: ReadonlySet<InputUri>
  #layer: Layer
  #offer: ((layer: Layer) => void) | undefined
  refreshes = 0

  constructor(layer: Layer, identity?: string, inputs?: ReadonlySet<InputUri>) {
    this.name = layer.source
    this.#layer = layer
    if (identity !== undefined) this.identity = identity
    if (inputs !== undefined) this.inputs = inputs
  }

  offer(layer: Layer): void {
    this.#layer = layer
    this.#offer?.(layer)
  }

  /** Changes what the next `refresh` finds, without a word. */
  edit(layer: Layer): void {
    this.#layer = layer
  }

  async start(offer: (layer: Layer) => void): Promise<void> {
    this.#offer = offer
    offer(this.#layer)
  }

  async refresh(): Promise<Layer> {
    this.refreshes += 1
    await new Promise((resolve) => setTimeout(resolve, 5))
    return this.#layer
  }

  async stop(): Promise<void> {
    this.#offer = undefined
  }
}

/** Variables and files that the test sets. */
export class PlayedInputs implements Inputs {
  readonly #values = new Map<InputUri, string>()
  #poke: (() => void) | undefined
  /** What the control plane asked to have watched last. */
  retained: ReadonlySet<InputUri> = new Set()

  constructor(values: Readonly<Record<InputUri, string>> = {}) {
    // `Object.entries` widens the keys, which are the record's.
    for (const [uri, value] of Object.entries(values)) this.#values.set(uri as InputUri, value)
  }

  set(uri: InputUri, value: string | undefined): void {
    if (value === undefined) this.#values.delete(uri)
    else this.#values.set(uri, value)
    this.#poke?.()
  }

  async read(uri: InputUri): Promise<InputContent> {
    const value = this.#values.get(uri)
    if (value !== undefined) return { found: true, version: digest(value), value: new Secret(value) }
    return { found: false, version: 'missing', problem: (where) => missing(uri, where) }
  }

  async refresh(): Promise<void> {}

  retain(uris: ReadonlySet<InputUri>): void {
    this.retained = uris
  }

  async start(poke: () => void): Promise<void> {
    this.#poke = poke
  }

  async stop(): Promise<void> {
    this.#poke = undefined
  }
}

function missing(uri: InputUri, where: { origin: string; path: string }): Problem {
  if (uri.startsWith('env:')) return problem('environment_missing', where, { name: uri.slice('env:'.length) })
  const file = uri.slice('file:'.length)
  return problem('secret_unreadable', where, { file, reason: 'ENOENT: no such file or directory' })
}

/** Real pools, counted. They open no socket before a call is sent. */
export class CountedPools {
  readonly open = new Set<UpstreamPool>()
  opened = 0

  readonly openPool = (origin: string): UpstreamPool => {
    this.opened += 1
    const pool = openPool(origin)
    const counted: UpstreamPool = {
      origin,
      send: (request, sink) => pool.send(request, sink),
      close: async () => {
        this.open.delete(counted)
        await pool.close()
      },
    }
    this.open.add(counted)
    return counted
  }

  get origins(): readonly string[] {
    return Array.from(this.open, ({ origin }) => origin).sort()
  }
}

/** Prepares one layer by itself, as a start does, and lets go of it. */
export async function prepareOnce(
  declaration: Declaration,
  inputs: Readonly<Record<InputUri, string>> = {},
): Promise<{ readonly prepared: Prepared | undefined; readonly problems: readonly Problem[] }> {
  const outcome = await prepare([layerOf(declaration)], undefined, {
    inputs: new PlayedInputs(inputs),
    pool: new UsagePool((key, error) => process.emitWarning(`${key}: ${String(error)}`)),
    openPool,
  })
  const problems = outcome.accepted ? outcome.prepared.problems : outcome.problems
  // The pools have no connection yet, so there is nothing that would have to stay open for the test.
  if (outcome.accepted) outcome.prepared.release()
  return {
    prepared: outcome.accepted ? outcome.prepared : undefined,
    problems: Array.from(problems.values()).flat(),
  }
}
