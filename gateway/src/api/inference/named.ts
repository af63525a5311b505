import { allTags } from '../../calls/tags.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Customer, Limits, Principal, Tag } from '../../core/principal.ts'
import type { LimitSettings } from '../../core/settings.ts'
import { limitsOfBudget } from '../../directory/budget.ts'
import type { Directory, Found } from '../../directory/directory.ts'

/** Where end users, tags and budgets are looked up. */
export type Records = Pick<Directory, 'find'>

/** Whom a request names besides its caller, with the records there are of them. */
export interface Named {
  readonly customer: Customer | undefined
  /** What an end user may use who has no limits of his own. */
  readonly endUserLimits: Limits | undefined
  readonly tags: readonly string[]
  readonly tagged: readonly Tag[]
}

const noTags: readonly Tag[] = Object.freeze([])

/** Answers at once where everything is in memory, as it nearly always is. */
export function namedBy(
  request: { readonly endUser: string | undefined; readonly tags: readonly string[] },
  principal: Principal | undefined,
  settings: LimitSettings,
  records: Records | undefined,
): Named | Promise<Named> {
  const { endUser } = request
  const tags = principal === undefined ? request.tags : allTags(request.tags, principal)
  if (records === undefined) return { customer: undefined, endUserLimits: undefined, tags, tagged: noTags }
  const customer = endUser === undefined ? undefined : known(records.find('customer', endUser))
  const endUserLimits = endUser === undefined ? undefined : usualLimits(settings, records)
  const tagged = taggedBy(tags, records)
  if (!(customer instanceof Promise) && !(endUserLimits instanceof Promise) && !(tagged instanceof Promise)) {
    return { customer, endUserLimits, tags, tagged }
  }
  return Promise.all([customer, endUserLimits, tagged]).then(([ofEndUser, usual, ofTags]) => ({
    customer: ofEndUser,
    endUserLimits: usual,
    tags,
    tagged: ofTags,
  }))
}

function usualLimits({ endUserBudgetId }: LimitSettings, records: Records): Found<Limits> {
  if (endUserBudgetId === undefined) return undefined
  const budget = known(records.find('budget', endUserBudgetId))
  if (budget instanceof Promise) return budget.then((row) => row && limitsOfBudget(row))
  return budget && limitsOfBudget(budget)
}

/** Records of those tags that have one. */
function taggedBy(tags: readonly string[], records: Records): readonly Tag[] | Promise<readonly Tag[]> {
  if (tags.length === 0) return noTags
  const found: Tag[] = []
  const awaited: Promise<Tag | undefined>[] = []
  for (const tag of tags) {
    const record = known(records.find('tag', tag))
    if (record instanceof Promise) awaited.push(record)
    else if (record !== undefined) found.push(record)
  }
  if (awaited.length === 0) return found
  return Promise.all(awaited).then((all) => [...found, ...all.filter((tag) => tag !== undefined)])
}

/** While the store is away it cannot be known whether somebody has limits; the caller's key is known, and its calls go on. */
function known<Noun>(found: Found<Noun>): Found<Noun> {
  if (!(found instanceof Promise)) return found
  return found.catch((caught: unknown) => {
    if (caught instanceof GatewayError && caught.code === 'store_unavailable') return undefined
    throw caught
  })
}
