import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../test/gateway.ts'
import { isObject, type JsonObject } from '../lib/json.ts'

/** What OpenAPI 3.1 asks of a document, as far as ours has such parts (spec.openapis.org/oas/v3.1.1). */
function faultsOf(document: JsonObject): readonly string[] {
  const faults: string[] = []
  const expect = (condition: boolean, what: string): void => {
    if (!condition) faults.push(what)
  }
  expect(typeof document.openapi === 'string' && /^3\.1\.\d+$/.test(document.openapi), 'openapi')
  const ids = new Set<string>()
  const shapes = new Set<string>()
  for (const [path, item] of Object.entries(document.paths as JsonObject)) {
    expect(path.startsWith('/'), `${path} starts with a slash`)
    const shape = path.replace(/\{[^}]*\}/g, '{}')
    expect(!shapes.has(shape), `${path} is the same as another path`)
    shapes.add(shape)
    const named = Array.from(path.matchAll(/\{([^}]+)\}/g), ([, name]) => name)
    for (const [method, operation] of Object.entries(item as JsonObject)) {
      const at = `${method} ${path}`
      if (!isObject(operation)) {
        faults.push(at)
        continue
      }
      expect(['get', 'post', 'put', 'patch', 'delete'].includes(method), at)
      expect(typeof operation.operationId === 'string' && !ids.has(operation.operationId), `${at} operationId`)
      ids.add(String(operation.operationId))
      const parameters = (operation.parameters ?? []) as readonly JsonObject[]
      const inPath = parameters.filter((parameter) => parameter.in === 'path')
      assert.deepEqual(
        inPath.map(({ name }) => name),
        named,
        at,
      )
      expect(
        inPath.every(({ required }) => required === true),
        `${at}: parameters of a path are required`,
      )
      const keys = parameters.map(({ name, in: place }) => `${String(place)} ${String(name)}`)
      expect(new Set(keys).size === keys.length, `${at}: a parameter is there twice`)
      const responses = operation.responses as JsonObject
      expect(Object.keys(responses).length > 0, `${at} responses`)
      for (const response of Object.values(responses)) {
        expect(isObject(response) && typeof response.description === 'string', `${at}: a response is described`)
      }
      expect(operation.requestBody === undefined || method !== 'get', `${at}: GET has no body`)
      const security = (operation.security ?? []) as readonly JsonObject[]
      const schemes = (document.components as JsonObject).securitySchemes as JsonObject
      for (const need of security) for (const name of Object.keys(need)) expect(name in schemes, `${at} ${name}`)
    }
  }
  for (const reference of JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)) {
    const [, pointer = ''] = reference
    // Recursive schemas of zod refer to their own definitions.
    const steps = pointer.replace(/^#\/?/, '').split('/').filter(Boolean)
    let value: unknown = document
    for (const step of steps) value = isObject(value) ? value[step] : undefined
    expect(value !== undefined, `${pointer} leads nowhere`)
  }
  return faults
}

test('the document is OpenAPI 3.1, public, and has every route that answers', async (context) => {
  const { app, call } = await startGateway(context)
  const { status, body } = await call('GET', '/openapi.json', undefined, '')
  assert.equal(status, 200)
  assert.deepEqual(faultsOf(body), [])
  for (const { method, path } of app.routes) {
    if (method !== 'OPTIONS') assert.ok(body.paths[path]?.[method.toLowerCase()], `${method} ${path}`)
  }
})

test('a route’s schemas are those that check its requests', async (context) => {
  const { get } = await startGateway(context)
  const { body } = await get('/openapi.json')
  const { post } = body.paths['/model/new']
  const { schema } = post.requestBody.content['application/json']
  assert.deepEqual(schema.required, ['model_name', 'litellm_params'])
  assert.deepEqual(schema.properties.litellm_params.required, ['model'])
  assert.equal(post.requestBody.required, true)
  assert.deepEqual(post['x-roles'], ['proxy_admin', 'org_admin', 'internal_user'])
  const { parameters } = body.paths['/v2/model/info'].get
  assert.ok(parameters.some(({ name, in: place }: JsonObject) => name === 'search' && place === 'query'))
})
