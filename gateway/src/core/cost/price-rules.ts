import { isPriceField } from './price-fields.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a map says of models that it does not name (`fallback_generalizations.rules`, contract 1.4). */
export interface PriceRule {
  readonly name: string
  /** A regular expression over the model's name, in small and large letters alike. */
  readonly pattern: string
  readonly fields: Fields
}

/** Longer names are no model's, and would take an expression too long. */
const longestName = 128
const longestPattern = 512
/** With so many repetitions an expression takes milliseconds on the worst name; each more takes a hundred times as long. */
const mostRepetitions = 3

/**
 * Whether a rule has a price, and a pattern that can be run on callers' text: none with repetitions inside repetitions.
 * The others tell what models can do, or are for routing; nothing is counted with them.
 */
export function isUsable({ fields, pattern }: PriceRule): boolean {
  return Object.keys(fields).some(isPriceField) && expressionOf(pattern) !== undefined
}

function expressionOf(pattern: string): RegExp | undefined {
  if (pattern.length === 0 || pattern.length > longestPattern || /\)[*+{]|\\[1-9k]/.test(pattern)) return undefined
  const repetitions = pattern.replace(/\\./g, '_').match(/[*+]|\{\d+,\d*\}/g) ?? []
  if (repetitions.length > mostRepetitions) return undefined
  try {
    return new RegExp(pattern, 'i')
  } catch {
    // Python's own syntax.
    return undefined
  }
}

/** The rules of a map. */
export class PriceRules {
  readonly #rules: readonly { readonly rule: PriceRule; readonly expression: RegExp }[]

  constructor(rules: readonly PriceRule[]) {
    this.#rules = rules.flatMap((rule) => {
      const expression = isUsable(rule) ? expressionOf(rule.pattern) : undefined
      return expression === undefined ? [] : [{ rule, expression }]
    })
  }

  /**
   * All rules that match, laid over one another: a later one refines an earlier one.
   * @param holdsFor whether an entry of that `litellm_provider` counts
   */
  for(model: string, holdsFor: (provider: string) => boolean): PriceRule | undefined {
    if (this.#rules.length === 0 || model.length > longestName) return undefined
    const matching = this.#rules.filter(({ rule, expression }) => {
      const provider = rule.fields.litellm_provider
      return holdsFor(typeof provider === 'string' ? provider : '') && expression.test(model)
    })
    if (matching.length === 0) return undefined
    return {
      name: matching.map(({ rule }) => rule.name).join('+'),
      pattern: '',
      fields: Object.assign({}, ...matching.map(({ rule }) => rule.fields)),
    }
  }
}
