import { z } from 'zod'
import { durationMs, parseDuration } from '../../core/duration.ts'

/**
 * Field types of the configuration, as lenient as LiteLLM's users write them: numbers may be text (`os.environ/X` always
 * is), text may be a number. Each carries the one phrase that completes "expected …, found …", for every way of failing.
 */

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** Timers hold at most this; more fires at once. It is 24 days. */
const longestMs = 2 ** 31 - 1

export function numeric(expected: string, accepts: (value: number) => boolean) {
  return z.union([z.number(), z.string()], { error: expected }).transform((written, context) => {
    const value = typeof written === 'number' ? written : decimal.test(written.trim()) ? Number(written) : Number.NaN
    if (Number.isFinite(value) && accepts(value)) return value
    context.addIssue({ code: 'custom', message: expected })
    return z.NEVER
  })
}

export const amount = numeric('a number, 0 or more', (value) => value >= 0)
export const count = numeric('a whole number, 0 or more', (value) => Number.isSafeInteger(value) && value >= 0)
export const positiveCount = numeric('a whole number, 1 or more', (value) => Number.isSafeInteger(value) && value >= 1)
export const integer = numeric('a whole number', Number.isSafeInteger)
/** Parsed to milliseconds. */
export const seconds = numeric('a number of seconds above 0', (value) => value > 0).transform(secondsToMs)
/** Parsed to milliseconds. */
export const secondsOrZero = numeric('a number of seconds, 0 or more', (value) => value >= 0).transform(secondsToMs)

function secondsToMs(value: number): number {
  return Math.min(Math.max(value === 0 ? 0 : 1, Math.round(value * 1000)), longestMs)
}

/** `30d`, `12h`; parsed to milliseconds. */
export const age = z.union([z.string(), z.number()], { error: ageWords() }).transform((written, context) => {
  const duration = parseDuration(String(written))
  if (duration !== undefined && duration.unit !== 'mo') return durationMs(duration)
  context.addIssue({ code: 'custom', message: ageWords() })
  return z.NEVER
})

function ageWords(): string {
  return 'an age such as `30d` or `12h`'
}

export const text = textOf('a text')

export function textOf(expected: string) {
  return z.union([z.string(), z.number().transform(String)], { error: expected })
}

/** Text that is written as it is, never a number. */
export function name(expected: string) {
  return textOf(expected).refine((value) => value.trim() !== '', { error: expected })
}

export const flag = z.union(
  [
    z.boolean(),
    z.string().transform((written, context) => {
      const word = written.trim().toLowerCase()
      if (word === 'true' || word === 'false') return word === 'true'
      context.addIssue({ code: 'custom', message: 'true or false' })
      return z.NEVER
    }),
  ],
  { error: 'true or false' },
)

export const names = z.array(name('a name'), { error: 'a list of names' })

/** `drop_params`: LiteLLM's switch, or the policy by name. */
export const parameterPolicy = z.union([z.boolean(), z.string()], { error: policyWords() }).transform(toPolicy)

function policyWords(): string {
  return 'true, false, `error`, `drop` or `pass`'
}

function toPolicy(written: boolean | string, context: z.RefinementCtx): 'error' | 'drop' | 'pass' {
  switch (String(written).trim().toLowerCase()) {
    case 'true':
    case 'drop':
      return 'drop'
    case 'false':
    case 'error':
      return 'error'
    case 'pass':
      return 'pass'
    default:
      context.addIssue({ code: 'custom', message: policyWords() })
      return z.NEVER
  }
}

/** A mapping whose other keys are kept as they are. */
export function mapping<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.looseObject(shape, { error: 'a mapping' })
}

/** A mapping of which only the named keys are read. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.object(shape, { error: 'a mapping' })
}

export function mappingOf<Value extends z.ZodType>(value: Value) {
  return z.record(z.string(), value, { error: 'a mapping' })
}

/** Of a budget, as LiteLLM writes it. */
export const duration = textOf('a duration such as `30s`, `30m`, `30h`, `30d`, `1w` or `1mo`').refine(
  (value) => parseDuration(value) !== undefined,
  {
    error: 'a duration such as `30s`, `30m`, `30h`, `30d`, `1w` or `1mo`',
  },
)
