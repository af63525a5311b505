import { allTags } from '../../calls/tags.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Customer, Principal, Tag } from '../../core/principal.ts'
import type { Directory, Found } from '../../directory/directory.ts'
import type { DecodedRequest } from './decode.ts'

/** Where end users and tags are looked up. */
export type Records = Pick<Directory, 'find'>

/** Whom a request names besides its caller, with the records there are of them. */
export interface Named {
  readonly customer: Customer | undefined
  readonly tags: readonly string[]
  readonly tagged: readonly Tag[]
}

const noTags: readonly Tag[] = Object.freeze([])

/** Answers at once where everything is in memory, as it nearly always is. */
export function namedBy(
  request: DecodedRequest,
  principal: Principal | undefined,
  records: Records | undefined,
): Named | Promise<Named> {
  const tags = principal === undefined ? request.tags : allTags(request.tags, principal)
  if (records === undefined) return { customer: undefined, tags, tagged: noTags }
  const customer = request.endUser === undefined ? undefined : known(records.find('customer', request.endUser))
  const tagged = taggedBy(tags, records)
  if (!(customer instanceof Promise) && !(tagged instanceof Promise)) return { customer, tags, tagged }
  return Promise.all([customer, tagged]).then(([ofEndUser, ofTags]) => ({ customer: ofEndUser, tags, tagged: ofTags }))
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
