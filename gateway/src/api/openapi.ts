import { z } from 'zod'
import type { JsonObject, JsonValue } from '../lib/json.ts'
import { version } from '../lib/version.ts'
import type { DeclaredRoute } from './admin-route.ts'
import type { Route } from './route.ts'

/** A route of which at least the access is known; management routes declare the rest. */
export type DescribedRoute = Route & Partial<Pick<DeclaredRoute, 'declared'>>

/** The OpenAPI 3.1 document of the very routes that answer, made from the schemas that check their requests. */
export function openApiDocument(routes: readonly DescribedRoute[]): JsonObject {
  const paths: Record<string, Record<string, JsonValue>> = {}
  const tags = new Set<string>()
  for (const route of routes) {
    if (route.method === 'OPTIONS') continue
    const operation = operationOf(route)
    for (const tag of operation.tags) tags.add(tag)
    const path = paths[route.path] ?? {}
    path[route.method.toLowerCase()] = operation
    paths[route.path] = path
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Midflight',
      version,
      description: 'An LLM gateway with the API of the LiteLLM proxy, whose configuration changes while it runs.',
    },
    tags: [...tags].sort().map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A virtual key, or the master key' },
        header: { type: 'apiKey', in: 'header', name: 'x-litellm-api-key' },
      },
      schemas: { Error: errorSchema, Invalid: invalidSchema },
    },
  }
}

const errorSchema: JsonObject = {
  type: 'object',
  description: 'What went wrong, as OpenAI and LiteLLM tell it; some management routes answer `detail` instead',
  properties: {
    error: {
      type: 'object',
      properties: {
        message: { type: 'string' },
        type: { type: ['string', 'null'] },
        param: { type: ['string', 'null'] },
        code: { type: ['string', 'null'] },
      },
      required: ['message'],
    },
    detail: {},
  },
}

const invalidSchema: JsonObject = {
  type: 'object',
  description: 'The fields of a request that are missing or of another type',
  properties: {
    detail: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          type: { type: 'string' },
          loc: { type: 'array', items: { type: ['string', 'integer'] } },
          msg: { type: 'string' },
          input: {},
        },
        required: ['type', 'loc', 'msg'],
      },
    },
  },
  required: ['detail'],
}

type Operation = JsonObject & { readonly tags: readonly string[] }

function operationOf(route: DescribedRoute): Operation {
  const declared = route.declared
  const described = declared ?? inference(route)
  const body = declared?.body
  return {
    operationId: operationId(route),
    summary: described.summary,
    tags: [described.tag],
    ...(route.access === 'public' ? { security: [] } : { security: [{ bearer: [] }, { header: [] }] }),
    parameters: [...pathParameters(route.path), ...queryParameters(declared?.query), ...changeParameters(route)],
    ...(body === undefined
      ? requestOf(route)
      : {
          requestBody: {
            required: !isOptional(body),
            content: { 'application/json': { schema: schemaOf(body, 'input') } },
          },
        }),
    responses: responsesOf(route, declared?.reply),
    // Ours, for readers and for the table of routes and roles.
    'x-roles': typeof route.access === 'string' ? route.access : [...route.access],
  }
}

/** `get_model_info`: unique, because method and path are. */
function operationId({ method, path }: Route): string {
  const words = path
    .replace(/[{}]/g, '')
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean)
  const braces = path.includes('{') ? '_by' : ''
  return `${method.toLowerCase()}_${words.join('_') || 'root'}${braces}`
}

function pathParameters(path: string): readonly JsonObject[] {
  return Array.from(path.matchAll(/\{([^}]+)\}/g), ([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters(query: z.ZodType | undefined): readonly JsonObject[] {
  if (query === undefined) return []
  const { properties = {}, required = [] } = schemaOf(query, 'input')
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties)) return []
  const needed = Array.isArray(required) ? required : []
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: needed.includes(name),
    schema: schema ?? {},
  }))
}

/** What every route that changes something takes besides its own (change-options.ts). */
function changeParameters({ method, access }: Route): readonly JsonObject[] {
  if (method === 'GET' || typeof access === 'string') return []
  const query = (name: string, description: string): JsonObject => ({
    name,
    in: 'query',
    required: false,
    description,
    schema: { type: 'string' },
  })
  const header = (name: string, description: string): JsonObject => ({ ...query(name, description), in: 'header' })
  return [
    query('dry_run', '`true`: tells what would differ, and changes nothing'),
    query('wait', '`all`: answers when every live replica runs the change'),
    query('timeout', 'How long to wait for them, e.g. `5s`'),
    header('If-Match', 'Only while this is the head revision, else 412'),
    header('Idempotency-Key', 'The same key gets the same answer, and the change is made once'),
  ]
}

function requestOf({ method, access }: Route): JsonObject {
  if (method === 'GET' || access !== 'caller') return {}
  return { requestBody: { required: true, content: { 'application/json': { schema: { type: 'object' } } } } }
}

function responsesOf(route: DescribedRoute, reply: z.ZodType | undefined): JsonObject {
  const error = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } }
  const streams = route.access === 'caller' && route.method === 'POST'
  return {
    '200': {
      description: 'Done',
      content: {
        'application/json': { schema: reply === undefined ? {} : schemaOf(reply, 'output') },
        ...(streams ? { 'text/event-stream': { schema: { type: 'string' } } } : {}),
      },
    },
    ...(route.access === 'public'
      ? {}
      : { '401': { description: 'No key, a wrong one, or a role that may not', ...error } }),
    ...(route.declared?.body === undefined && route.declared?.query === undefined
      ? {}
      : {
          '422': {
            description: 'A field is missing or of another type',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Invalid' } } },
          },
        }),
    default: { description: 'Refused or failed', ...error },
  }
}

/** Routes that are no management routes: calls, and what watches the process. */
function inference({ method, path, dialect }: Route): { readonly summary: string; readonly tag: string } {
  if (path.startsWith('/config/') || path.startsWith('/replicas'))
    return { summary: sentence(method, path), tag: 'config' }
  if (path.startsWith('/health')) return { summary: sentence(method, path), tag: 'health' }
  if (path === '/metrics') return { summary: 'Figures of this process for Prometheus', tag: 'health' }
  if (path.includes('/models')) return { summary: 'The models that the caller may call', tag: 'inference' }
  return {
    summary: dialect === undefined ? sentence(method, path) : `A call in the ${dialect} format`,
    tag: 'inference',
  }
}

function sentence(method: string, path: string): string {
  return `${method} ${path}`
}

/** Descriptions and types of a schema, without what JSON Schema cannot say: such a part takes anything. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' })
  // What zod writes as JSON Schema is JSON.
  return JSON.parse(JSON.stringify(json)) as JsonObject
}

function isOptional(schema: z.ZodType): boolean {
  return schema.safeParse({}).success
}
