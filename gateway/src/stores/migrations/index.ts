import { desiredState } from './000001-desired-state.ts'
import { limitsAndSpend } from './000002-limits-and-spend.ts'
import { ledger } from './000003-ledger.ts'
import { contents } from './000004-contents.ts'
import { claims } from './000005-claims.ts'
import type { Migration } from './migration.ts'

/** All migrations, in order. A migration that was released is never changed. */
export const migrations: readonly Migration[] = [desiredState, limitsAndSpend, ledger, contents, claims]
