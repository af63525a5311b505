import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { startGateway } from '../../test/gateway.ts'
import { scratchDirectory } from '../../test/scratch.ts'
import type { RecordKind } from '../core/record.ts'
import type { JsonObject } from '../lib/json.ts'

/**
 * Random changes on one replica, and what callers get from it and from another one that is told nothing: the first is exact at
 * once; the second gives at once what was granted and takes what was revoked when it has looked.
 */

const models = ['gpt-4', 'claude']
const config = {
  model_list: models.map((name) => ({
    model_name: name,
    litellm_params: { model: `openai/${name}`, api_key: 'sk-upstream', mock_response: 'hi' },
    model_info: { id: name, access_groups: [`group-${name}`] },
  })),
}

const key = 'sk-tossed-about'
const id = hash('sha256', key)

/** What is stored; a kind that is absent has no record. */
type World = { readonly [Kind in 'key' | 'team' | 'user' | 'organization' | 'access-group']: JsonObject | undefined }

/** What the contract says of that world, written down without a look at the code. */
function expected(world: World, model: string): number {
  const { key: own, team, user, organization, 'access-group': group } = world
  if (own === undefined) return 401
  const ofTeam = own.team_id !== undefined
  if (own.blocked === true || user?.blocked === true || organization === undefined || organization.blocked === true)
    return 401
  if (ofTeam && (team === undefined || team.blocked === true)) return 401
  const given = (holder: JsonObject | undefined) =>
    Array.isArray(holder?.access_group_ids) && holder.access_group_ids.length > 0
      ? listOf(group?.access_model_names)
      : []
  const allows = (holder: JsonObject | undefined, more: readonly string[] = []) => {
    const list = listOf(holder?.models)
    if (list.length === 0 || list.includes('all-proxy-models')) return true
    return [...list, ...more].some((name) => name === model || name === `group-${model}`)
  }
  const keyAllows = (ofTeam && listOf(own.models).includes('all-team-models')) || allows(own, given(own))
  const rest = ofTeam ? allows(team, given(team)) : allows(user)
  return keyAllows && rest && allows(organization) ? 200 : 403
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value : []
}

test('grants are there at once on every replica, revocations at once where they were made and soon elsewhere', async (context) => {
  const random = seeded(Number(process.env.SEED ?? 20_261_121))
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)] as Value
  const databaseUrl = `sqlite:${join(scratchDirectory(), 'shared.db')}`
  const here = await startGateway(context, { config, databaseUrl, hints: false })
  const there = await startGateway(context, { config, databaseUrl, hints: false })
  const lists = [
    [],
    [],
    [],
    ['gpt-4'],
    ['claude'],
    ['group-claude'],
    ['all-proxy-models'],
    ['all-team-models'],
    ['no-default-models'],
    models,
  ]
  const body = (): JsonObject => ({ models: pick(lists), ...(random() < 0.05 ? { blocked: true } : {}) })
  const groups = (): JsonObject => (random() < 0.3 ? { access_group_ids: ['g'] } : {})
  const make: { readonly [Kind in keyof World]: () => JsonObject | undefined } = {
    key: () =>
      random() < 0.05
        ? undefined
        : { ...body(), ...groups(), user_id: 'u', organization_id: 'o', ...(random() < 0.5 ? { team_id: 't' } : {}) },
    team: () => (random() < 0.05 ? undefined : { ...body(), ...groups() }),
    user: () => (random() < 0.2 ? undefined : body()),
    organization: () => (random() < 0.05 ? undefined : body()),
    'access-group': () => (random() < 0.2 ? undefined : { access_model_names: pick([[], ['gpt-4'], ['claude']]) }),
  }
  const ids: { readonly [Kind in keyof World]: string } = {
    key: id,
    team: 't',
    user: 'u',
    organization: 'o',
    'access-group': 'g',
  }
  let world: World = { key: {}, team: {}, user: {}, organization: {}, 'access-group': {} }
  const statusOf = async (app: typeof here, model: string): Promise<number> => (await app.chat(model, key)).status

  const kinds = Object.keys(ids) as readonly (keyof World & RecordKind)[]
  await here.put(...kinds.map((kind) => [kind, ids[kind], {}] as const))
  const seen = new Map<number, number>()
  for (let step = 0; step < 300; step += 1) {
    const changed = kinds.filter(() => random() < 0.4)
    const next = Object.fromEntries(changed.map((kind) => [kind, make[kind]()]))
    // What is not there cannot be deleted.
    const records = changed.filter((kind) => next[kind] !== undefined || world[kind] !== undefined)
    if (records.length > 0) await here.put(...records.map((kind) => [kind, ids[kind], next[kind]] as const))
    world = { ...world, ...next }
    const model = pick(models)
    const meant = expected(world, model)
    seen.set(meant, (seen.get(meant) ?? 0) + 1)
    const facts = `step ${step}, ${model}: ${JSON.stringify(world)}`
    assert.equal(await statusOf(here, model), meant, `here, ${facts}`)
    const elsewhere = await statusOf(there, model)
    if (meant === 200) assert.equal(elsewhere, 200, `there, ${facts}`)
    // A refusal is final, so it was confirmed; it names what is so now.
    else if (elsewhere !== 200) assert.equal(elsewhere, meant, `there, ${facts}`)
  }
  for (const meant of [200, 401, 403])
    assert.ok((seen.get(meant) ?? 0) > 20, `${meant} was meant ${seen.get(meant)} times`)
})

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
