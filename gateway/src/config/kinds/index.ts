import type { KindName } from '../../core/resource.ts'
import { alias } from './alias.ts'
import { credential } from './credential.ts'
import { deployment } from './deployment.ts'
import type { Kind } from './kind.ts'
import { priceMap } from './price-map.ts'
import { settings } from './settings.ts'

/** Every kind, in link order: a kind refers only to kinds before it. */
export const kinds: readonly { readonly [Name in KindName]: Kind<Name> }[KindName][] = [
  credential,
  deployment,
  alias,
  priceMap,
  settings,
]
