import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Declaration, model, prepareOnce } from '../../test/control-plane.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { Generation, Revision } from '../core/brand.ts'
import { type Customer, type Grants, noLimits, type Principal } from '../core/principal.ts'
import { CompiledCustomer } from '../directory/customer.ts'
import { CompiledKey } from '../directory/key.ts'
import { CompiledOrganization } from '../directory/organization.ts'
import { Row } from '../directory/row.ts'
import { CompiledTeam } from '../directory/team.ts'
import { CompiledUser } from '../directory/user.ts'
import type { JsonObject } from '../lib/json.ts'
import { modelRefusal, resolvedFor } from './access.ts'

/** Who may call which model (contract 3.5), on snapshots that were compiled and principals that were read from rows. */

async function snapshotOf(declaration: Declaration): Promise<Snapshot> {
  const { prepared, problems } = await prepareOnce(declaration)
  assert.ok(prepared !== undefined, JSON.stringify(problems))
  // Numbers of a snapshot that was not published.
  return { ...prepared, revision: 0 as Revision, generation: 0 as Generation } as unknown as Snapshot
}

interface Holders {
  readonly key?: JsonObject
  readonly team?: JsonObject
  readonly user?: JsonObject
  readonly organization?: JsonObject
  readonly granted?: Grants
}

function principalOf({ key = {}, team, user, organization, granted }: Holders): Principal {
  const row = (body: JsonObject, id: string) =>
    new Row({ kind: 'key', id }, body, ({ field }) => assert.fail(`${field} is odd`))
  return {
    role: 'internal_user',
    userId: '',
    key: new CompiledKey(row(key, 'key'), noLimits),
    team: team && new CompiledTeam(row(team, 'team'), noLimits),
    user: user && new CompiledUser(row(user, 'user'), noLimits),
    member: undefined,
    organization: organization && new CompiledOrganization(row(organization, 'organization'), noLimits),
    ...(granted === undefined ? {} : { granted }),
  }
}

const declared = await snapshotOf({
  models: [
    model('gpt-4', '1'),
    model('claude', '2'),
    { ...model('beta-1', '3'), model_info: { id: '3', access_groups: ['beta', 'all-new'] } },
    model('openai/*', '4', { model: 'openai/*' }),
    { ...model('secret', '5'), model_info: { id: '5', team_id: 'team' } },
  ],
  aliases: [{ name: 'fast', spec: { model: 'gpt-4' } }],
})

function asked(holders: Holders, names: readonly string[], customer?: Customer): Record<string, string> {
  const principal = principalOf(holders)
  return Object.fromEntries(
    names.map((name) => [name, modelRefusal(principal, customer, declared, name)?.type ?? 'may'] as const),
  )
}

const ofKey = 'key_model_access_denied'
const ofTeam = 'team_model_access_denied'
const ofUser = 'user_model_access_denied'

test('every word that a list may hold', () => {
  const names = ['gpt-4', 'claude', 'beta-1', 'openai/gpt-5', 'fast']
  const cases: readonly (readonly [JsonObject, readonly string[]])[] = [
    [{ models: [] }, names],
    [{}, names],
    [{ models: null }, names],
    [{ models: ['all-proxy-models'] }, names],
    [{ models: ['*'] }, names],
    [{ models: ['no-default-models'] }, []],
    [{ models: ['gpt-4'] }, ['gpt-4', 'fast']],
    [{ models: ['fast'] }, ['fast']],
    [{ models: ['beta'] }, ['beta-1']],
    [{ models: ['openai/*'] }, ['openai/gpt-5']],
    [{ models: ['openai/gpt-5'] }, ['openai/gpt-5']],
    [{ models: ['*-4', 'cl*de'] }, ['gpt-4', 'claude', 'fast']],
    [{ models: ['no-default-models', 'claude'] }, ['claude']],
    // Without a team there is nothing that the team allows.
    [{ models: ['all-team-models'] }, []],
  ]
  for (const [key, allowed] of cases) {
    const expected = Object.fromEntries(names.map((name) => [name, allowed.includes(name) ? 'may' : ofKey]))
    assert.deepEqual(asked({ key }, names), expected, JSON.stringify(key))
  }
})

test('every level is asked, and the first that refuses is named', () => {
  const names = ['gpt-4', 'claude']
  assert.deepEqual(asked({ key: { models: ['all-team-models'] }, team: { models: ['claude'] } }, names), {
    'gpt-4': ofTeam,
    claude: 'may',
  })
  assert.deepEqual(asked({ key: {}, team: { models: ['claude'] }, user: { models: ['gpt-4'] } }, names), {
    'gpt-4': ofTeam,
    claude: 'may',
  })
  assert.deepEqual(asked({ user: { models: ['no-default-models'] } }, names), { 'gpt-4': ofUser, claude: ofUser })
  assert.deepEqual(asked({ team: {}, organization: { models: ['claude'] } }, names), {
    'gpt-4': 'org_model_access_denied',
    claude: 'may',
  })
  const customer = new CompiledCustomer(
    new Row({ kind: 'customer', id: 'c' }, { models: ['gpt-4'] }, () => assert.fail('it is odd')),
    noLimits,
  )
  assert.deepEqual(asked({}, names, customer), { 'gpt-4': 'may', claude: 'end_user_model_access_denied' })
  assert.equal(
    modelRefusal(principalOf({ key: { models: ['claude'] } }), undefined, declared, 'gpt-4')?.message,
    "The requested model 'gpt-4' is not available for this API key, or the model name is invalid. Check the models available to you and try again.",
  )
})

test('access groups of key and team give besides their lists; without one an empty list stays all', () => {
  const none = { key: [], team: [] }
  assert.deepEqual(
    asked({ key: { models: ['no-default-models'] }, granted: { key: ['claude'], team: [] } }, ['claude', 'gpt-4']),
    {
      claude: 'may',
      'gpt-4': ofKey,
    },
  )
  assert.deepEqual(asked({ key: { models: ['no-default-models'] }, granted: none }, ['claude']), { claude: ofKey })
  assert.deepEqual(
    asked({ team: { models: ['gpt-4'] }, granted: { key: [], team: ['cl*'] } }, ['claude', 'gpt-4', 'beta-1']),
    {
      claude: 'may',
      'gpt-4': 'may',
      'beta-1': ofTeam,
    },
  )
  assert.deepEqual(asked({ granted: { key: ['claude'], team: [] } }, ['gpt-4']), { 'gpt-4': 'may' })
})

test('an alias counts where it was made and above it only what it stands for', () => {
  const key = { models: ['mine'], aliases: { mine: 'claude' } }
  assert.deepEqual(asked({ key }, ['mine', 'claude']), { mine: 'may', claude: ofKey })
  // The team lists a name; a key that gives this name to something else does not get past the team.
  assert.deepEqual(asked({ key: { aliases: { 'gpt-4': 'claude' } }, team: { models: ['gpt-4'] } }, ['gpt-4']), {
    'gpt-4': ofTeam,
  })
  const team = { models: ['house'], model_aliases: { house: 'claude' } }
  assert.deepEqual(asked({ key: { models: ['house'] }, team }, ['house']), { house: 'may' })
  assert.deepEqual(asked({ key: { models: ['claude'] }, team }, ['house']), { house: 'may' })
  assert.deepEqual(asked({ team, organization: { models: ['gpt-4'] } }, ['house']), {
    house: 'org_model_access_denied',
  })
  assert.deepEqual(asked({ key: { models: ['gpt-4'] } }, ['constructor', '__proto__']), {
    constructor: ofKey,
    ['__proto__']: ofKey,
  })
})

test('a model that belongs to a team is for that team', () => {
  assert.deepEqual(asked({}, ['secret']), { secret: ofKey })
  assert.deepEqual(asked({ team: {} }, ['secret']), { secret: 'may' })
  const administrator = { ...principalOf({}), key: undefined }
  assert.equal(modelRefusal(administrator, undefined, declared, 'secret'), undefined)
})

test('of a name that teams share each gets its own deployments and those for everybody', async () => {
  const shared = (id: string, team?: string) => ({
    ...model('shared', id),
    model_info: { id, ...(team === undefined ? {} : { team_id: team }) },
  })
  const snapshot = await snapshotOf({ models: [shared('a'), shared('b', 'red'), shared('c', 'blue')] })
  const declaredGroup = snapshot.models.resolve('shared')
  assert.ok(declaredGroup !== undefined)
  const ids = (team?: string) => {
    const principal = principalOf({})
    const caller = team === undefined ? principal : { ...principal, team: new CompiledTeam(rowOf(team), noLimits) }
    return resolvedFor(caller, declaredGroup)?.group.deployments.map(({ id }) => id)
  }
  const rowOf = (id: string) => new Row({ kind: 'team', id }, {}, () => undefined)
  assert.deepEqual([ids(), ids('red'), ids('blue'), ids('green')], [['a'], ['a', 'b'], ['a', 'c'], ['a']])
  assert.equal(resolvedFor({ ...principalOf({}), key: undefined }, declaredGroup)?.group.deployments.length, 3)
  const ofTeams = await snapshotOf({ models: [shared('b', 'red'), shared('c', 'blue')] })
  assert.equal(modelRefusal(principalOf({}), undefined, ofTeams, 'shared')?.type, ofKey)
})

test('a list allows no more than its names and patterns say, whatever they are', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), name, (models, wanted) => {
      const plain = wanted.replaceAll('*', 'a')
      const meant = models.some((each) => new RegExp(`^${each.replaceAll('*', '[^]*')}$`).test(plain))
      assert.equal(asked({ key: { models } }, [plain])[plain], meant ? 'may' : ofKey)
    }),
  )
})
