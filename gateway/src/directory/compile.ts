import type { StoredRecord } from '../core/record.ts'
import { compileAccessGroup } from './access-group.ts'
import type { Cell } from './cells.ts'
import { CompiledCustomer } from './customer.ts'
import { CompiledKey } from './key.ts'
import { limitsOf } from './limits.ts'
import { CompiledMember } from './member.ts'
import type { NounKind, Nouns } from './nouns.ts'
import { CompiledOrganization } from './organization.ts'
import { compileRetiredKey } from './retired-key.ts'
import { type ReportOddity, Row } from './row.ts'
import { CompiledTag } from './tag.ts'
import { CompiledTeam } from './team.ts'
import { CompiledUser } from './user.ts'

/** What a record was made into, and what of others that took. */
export interface Compiled<Kind extends NounKind> {
  readonly noun: Nouns[Kind] | undefined
  readonly needs: readonly Cell[]
  /** Unix ms at which it means something else without having changed. */
  readonly changeAt: number | undefined
}

export interface CompileTools {
  /** Another record, from memory or the store. */
  readonly cell: <Kind extends NounKind>(kind: Kind, id: string) => Cell<Kind> | Promise<Cell<Kind>>
  readonly report: ReportOddity
  /** Unix ms. */
  readonly now: number
}

type Compiler<Kind extends NounKind> = (
  id: string,
  record: StoredRecord | undefined,
  tools: CompileTools,
) => Promise<Compiled<Kind>>

export const compilers: { readonly [Kind in NounKind]: Compiler<Kind> } = {
  key: subject('key', CompiledKey),
  user: subject('user', CompiledUser),
  team: subject('team', CompiledTeam),
  organization: subject('organization', CompiledOrganization),
  customer: subject('customer', CompiledCustomer),
  tag: compileTag,
  'team-member': compileMember,
  'retired-key': plain('retired-key', compileRetiredKey),
  'access-group': plain('access-group', compileAccessGroup),
  budget: plain('budget', (row) => row),
}

const nothing = { noun: undefined, needs: [], changeAt: undefined }

function plain<Kind extends NounKind>(kind: Kind, make: (row: Row) => Nouns[Kind] | undefined): Compiler<Kind> {
  return async (id, record, { report }) =>
    record === undefined ? nothing : { ...nothing, noun: make(new Row({ kind, id }, record.body, report)) }
}

/** A holder of limits: what it has itself, then what its budget says. */
function subject<Kind extends NounKind>(
  kind: Kind,
  Noun: new (row: Row, limits: ReturnType<typeof limitsOf>['limits']) => Nouns[Kind],
): Compiler<Kind> {
  return async (id, record, tools) => {
    if (record === undefined) return nothing
    const row = new Row({ kind, id }, record.body, tools.report)
    const budget = await cellOf('budget', row.text('budget_id'), tools)
    const { limits, changeAt } = limitsOf(row, [budget?.noun], tools.now)
    return { noun: new Noun(row, limits), needs: budget === undefined ? [] : [budget], changeAt }
  }
}

/** What a tag may cost and how often it may be used is said by the budget that it refers to. */
async function compileTag(id: string, record: StoredRecord | undefined, tools: CompileTools): Promise<Compiled<'tag'>> {
  if (record === undefined) return nothing
  const row = new Row({ kind: 'tag', id }, record.body, tools.report)
  const budget = await cellOf('budget', row.text('budget_id'), tools)
  const { limits, changeAt } = limitsOf(row, [budget?.noun], tools.now)
  return { noun: new CompiledTag(id, limits), needs: budget === undefined ? [] : [budget], changeAt }
}

/** A member has a row of its own only when somebody gave it limits; the team's limits for members count for all of them. */
async function compileMember(
  id: string,
  record: StoredRecord | undefined,
  tools: CompileTools,
): Promise<Compiled<'team-member'>> {
  const [teamId = '', userId = ''] = id.split('/').map(decodeURIComponent)
  const row = new Row({ kind: 'team-member', id }, record?.body ?? {}, tools.report)
  const [team, own] = await Promise.all([tools.cell('team', teamId), cellOf('budget', row.text('budget_id'), tools)])
  const shared = await cellOf('budget', team.noun?.memberBudgetId, tools)
  const { limits, changeAt } = limitsOf(row, [own?.noun, team.noun?.ofMembers, shared?.noun], tools.now, {
    max_budget: 'max_budget_in_team',
  })
  const models = (own?.noun ?? shared?.noun)?.names('allowed_models') ?? []
  const isPlain = record === undefined && models.length === 0 && !limits.any
  return {
    noun: isPlain ? undefined : new CompiledMember(teamId, userId, models, limits),
    needs: [team, own, shared].filter((cell) => cell !== undefined),
    changeAt,
  }
}

function cellOf<Kind extends NounKind>(
  kind: Kind,
  id: string | undefined,
  tools: CompileTools,
): Cell<Kind> | Promise<Cell<Kind>> | undefined {
  return id === undefined ? undefined : tools.cell(kind, id)
}
