import { z } from 'zod'

/** Paths (`a`, `b.c`) of fields that a schema does not name and so drops; mappings that take any key have none. */
export function unknownFields(schema: z.ZodType, value: unknown, path = ''): readonly string[] {
  const known = inner(schema)
  if (known instanceof z.ZodArray) {
    const element = known.element
    if (!Array.isArray(value) || !(element instanceof z.ZodType)) return []
    return [...new Set(value.flatMap((item) => unknownFields(element, item, path)))]
  }
  if (!(known instanceof z.ZodObject) || typeof value !== 'object' || value === null || Array.isArray(value)) return []
  const { shape } = known
  return Object.entries(value).flatMap(([key, item]) => {
    const at = path === '' ? key : `${path}.${key}`
    const field: unknown = Object.hasOwn(shape, key) ? shape[key] : undefined
    if (field instanceof z.ZodType) return unknownFields(field, item, at)
    return known.def.catchall === undefined ? [at] : []
  })
}

/** The schema without what says only that the value may be absent, or what becomes of it. */
function inner(schema: z.ZodType): z.ZodType {
  let current: unknown = schema
  for (;;) {
    if (current instanceof z.ZodOptional || current instanceof z.ZodNullable || current instanceof z.ZodDefault) {
      current = current.unwrap()
    } else if (current instanceof z.ZodPipe) current = current.in
    else break
  }
  return current instanceof z.ZodType ? current : schema
}
