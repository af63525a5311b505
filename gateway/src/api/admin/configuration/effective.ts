import { z } from 'zod'
import type { DeclaredIndex } from '../../../config/snapshot.ts'
import type { Declared } from '../../../core/changes.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { KindName } from '../../../core/resource.ts'
import type { StoredResource } from '../../../core/store.ts'
import { isObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { masked } from '../masking.ts'
import { snapshotOf } from '../snapshot-of.ts'
import type { ConfigurationPorts } from './ports.ts'

const query = z.object({
  kind: z.string().optional(),
  name: z.string().optional(),
  limit: z.coerce.number({ error: 'a number' }).int().min(1).max(1_000).optional(),
  offset: z.coerce.number({ error: 'a number' }).int().min(0).optional(),
})

/** One value: where it was declared, and what else was said and does not count. */
interface Value {
  readonly path: string
  readonly value: JsonValue | undefined
  readonly source: string
  readonly origin: string
  readonly why: string
}

/** Where does this value come from, and why does it count? Secrets are masked. */
export function effectiveRoute({ stored }: ConfigurationPorts): DeclaredRoute {
  return adminRoute({
    method: 'GET',
    path: '/config/effective',
    summary: 'Every declared value that serves, with its source, its place and why it counts',
    tag: 'configuration',
    roles: ['proxy_admin', 'proxy_admin_viewer'],
    query,
    handle({ query: { kind, name, limit = 100, offset = 0 }, exchange }) {
      const snapshot = snapshotOf(exchange)
      const kinds =
        kind === undefined ? snapshot.declared.kinds : snapshot.declared.kinds.filter((each) => each === kind)
      if (kinds.length === 0) {
        throw new GatewayError(
          'bad_request',
          `There is no kind \`${kind}\`; the kinds are ${snapshot.declared.kinds.join(', ')}.`,
        )
      }
      const named = kinds.flatMap((each) =>
        namesOf(snapshot.declared, each, name).map((found) => [each, found] as const),
      )
      const shown = named.slice(offset, offset + limit)
      return {
        body: {
          revision: snapshot.revision,
          total: named.length,
          resources: shown.flatMap(([each, found]) => {
            const declared = snapshot.declared.get(each, found)
            return declared === undefined ? [] : [resourceToWire(each, found, declared, stored.stored(each, found))]
          }),
        },
      }
    },
  })
}

function namesOf(declared: DeclaredIndex, kind: KindName, name: string | undefined): readonly string[] {
  if (name !== undefined) return declared.get(kind, name) === undefined ? [] : [name]
  return [...declared.names(kind)]
}

function resourceToWire(kind: KindName, name: string, declared: Declared, stored: StoredResource | undefined) {
  const shown = masked(declared.spec)
  const values = leaves(shown, kind === 'settings' ? 2 : 3)
  return {
    kind,
    name,
    source: declared.source,
    origin: declared.origin,
    why: whyOf(kind, declared.source, stored !== undefined),
    values: values.map(([path, value]): Value => {
      const source = declared.sourceOf(path)
      const also = kind === 'settings' ? valueAt(stored?.spec, path) !== undefined : stored !== undefined
      return { path, value, source, origin: declared.originOf(path), why: whyOf(kind, source, also) }
    }),
  }
}

/** @param alsoStored whether the database says something about the same */
function whyOf(kind: KindName, source: string, alsoStored: boolean): string {
  if (source === 'database') return kind === 'settings' ? 'the file does not set it' : 'it is stored by API'
  if (!alsoStored) return 'nothing else declares it'
  return 'what the file says counts before what is stored by API'
}

/** The values at most so many levels deep, each with its path. */
function leaves(value: JsonObject, depth: number, prefix = ''): readonly (readonly [path: string, JsonValue])[] {
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`
    if (inner === undefined) return []
    if (depth > 1 && isObject(inner) && Object.keys(inner).length > 0) return leaves(inner, depth - 1, path)
    return [[path, inner] as const]
  })
}

function valueAt(spec: JsonObject | undefined, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = spec
  for (const key of path.split('.')) value = isObject(value) ? value[key] : undefined
  return value
}
