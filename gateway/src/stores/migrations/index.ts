import { desiredState } from './000001-desired-state.ts'
import type { Migration } from './migration.ts'

/** All migrations, in order. A migration that was released is never changed. */
export const migrations: readonly Migration[] = [desiredState]
