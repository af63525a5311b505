import { z } from 'zod'

/** LiteLLM takes an integer as id and makes it text. */
const id = z.union([z.string().min(1), z.number().int().transform(String)])

const info = z.looseObject({
  id: id.nullish(),
  team_id: z.string().nullish(),
  team_public_model_name: z.string().nullish(),
})

/** What the values mean is checked when the whole configuration is prepared; here only the shape (contract 2.1). */
export const newModel = z.object({
  model_name: z.string().min(1),
  litellm_params: z.looseObject({ model: z.string().min(1) }),
  model_info: info.nullish(),
  blocked: z.boolean().nullish(),
})

export const partialModel = z.object({
  model_name: z.string().min(1).nullish(),
  litellm_params: z.looseObject({}).nullish(),
  model_info: info.nullish(),
  blocked: z.boolean().nullish(),
})

export const modelById = z.object({ id: z.union([z.string(), z.number().transform(String)]) })
export const modelByModelId = z.object({ model_id: z.union([z.string(), z.number().transform(String)]) })
export const modelGroups = z.object({ model_groups: z.array(z.string()) })

export const modelRowReply = z.object({
  model_id: z.string(),
  model_name: z.string(),
  litellm_params: z.looseObject({ model: z.string() }),
  model_info: z.looseObject({ id: z.string(), db_model: z.literal(true) }),
  blocked: z.boolean(),
  created_at: z.string(),
  created_by: z.string(),
  updated_at: z.string(),
  updated_by: z.string(),
})
