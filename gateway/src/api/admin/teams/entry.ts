import { z } from 'zod'

/** A team that a new user is put into: its id, or with what the user is and may spend in it. */
export const teamEntry = z.union([
  z.string(),
  z.object({
    team_id: z.string(),
    max_budget_in_team: z.number().nullish(),
    user_role: z.enum(['user', 'admin']).nullish(),
  }),
])

export type TeamEntry = z.output<typeof teamEntry>
