import type { z } from 'zod'
import type { PriceLoader } from '../../core/cost/price-loader.ts'
import type { InputContent, InputUri } from '../../core/input.ts'
import type { Problem } from '../../core/problem.ts'
import type { KindName, Resource } from '../../core/resource.ts'
import type { UpstreamPool } from '../../lib/http-client.ts'
import { issuesToReports } from '../schema/issues.ts'
import { type Resolved, resolveReferences } from '../schema/references.ts'
import type { Alias } from './alias.ts'
import type { Credential } from './credential.ts'
import type { CompiledDeployment } from './deployment.ts'
import type { CompiledPriceMap } from './price-map.ts'
import type { CompiledSettings } from './settings.ts'

/** What each kind compiles to. */
export interface CompiledKinds {
  credential: Credential
  deployment: CompiledDeployment
  alias: Alias
  'price-map': CompiledPriceMap
  settings: CompiledSettings
}

/** Where a problem is; made when it is shown, because an unchanged resource may have moved in its file since. */
export type Where = { readonly origin: string; readonly path: string }

/** A problem of a resource, still without its place. `path` is inside the spec. */
export interface Report {
  readonly path: string
  readonly make: (where: Where) => Problem
}

/**
 * What a compiler may use of the outside world. Everything it reads here is remembered: the result is reused until one of
 * those things changes (a verifying trace), so a compiler must read nothing else.
 */
export interface Build {
  /** The compiled resource of a kind above in link order; `undefined` if none of that name was accepted. */
  ref<Name extends KindName>(kind: Name, name: string): CompiledKinds[Name] | undefined
  /** The name of that kind nearest to one that names nothing, for "did you mean" only: not remembered. */
  nearest(kind: KindName, name: string): string | undefined
  /** A variable: of the configuration's `environment_variables`, else of the process. */
  environment(name: string): Promise<InputContent>
  input(uri: InputUri): Promise<InputContent>
  /** A value that outlives generations under a key; held as long as the compiled resource lives. */
  share<Value>(
    key: string,
    open: () => Value | Promise<Value>,
    close: (value: Value) => void | Promise<void>,
  ): Promise<Value>
  openPool(origin: string): UpstreamPool
  /** Contents by hash never change, so they need no memory of their own. */
  readonly prices: PriceLoader
  /** An `error` refuses the layer; go on after it and report the rest as well. */
  report(path: string, make: (where: Where) => Problem): void
}

/** A type of resource: its schema and its compiler. To add one: a file here and a line in `index.ts`. */
export interface Kind<Name extends KindName = KindName> {
  readonly name: Name
  /** `undefined` when it reported an error. Never throws for what the operator wrote. */
  compile(resource: Resource, build: Build): Promise<CompiledKinds[Name] | undefined>
}

interface KindDefinition<Name extends KindName, Schema extends z.ZodType> {
  readonly name: Name
  readonly schema: Schema
  /** Paths of the spec, and all below them, in which references are resolved. Default: everywhere. */
  readonly resolves?: (path: string) => boolean
  readonly compile: (
    spec: z.output<Schema>,
    build: Build,
    declared: { readonly resource: Resource; readonly resolved: Resolved },
  ) => CompiledKinds[Name] | undefined | Promise<CompiledKinds[Name] | undefined>
}

/** Puts the three steps of every kind together: resolve references, check against the schema, compile. */
export function defineKind<Name extends KindName, Schema extends z.ZodType>(
  definition: KindDefinition<Name, Schema>,
): Kind<Name> {
  const within = definition.resolves ?? (() => true)
  return {
    name: definition.name,
    async compile(resource, build) {
      const resolved = await resolveReferences(resource.spec, (uri) => build.input(uri), within)
      for (const { path, make } of resolved.reports) build.report(path, make)
      const parsed = definition.schema.safeParse(resolved.value)
      if (parsed.success) return definition.compile(parsed.data, build, { resource, resolved })
      for (const { path, make } of issuesToReports(parsed.error.issues, resolved)) build.report(path, make)
      return undefined
    },
  }
}
