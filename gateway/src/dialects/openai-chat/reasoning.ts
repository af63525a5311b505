import { optional } from '../../core/body-fields.ts'
import type { Reasoning } from '../../core/chat.ts'
import type { Report } from '../../core/report.ts'
import { isObject, type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import { invalid, readBoolean, readCount, readObject, readString } from '../openai-wire/fields.ts'
import { reportLeftOut } from '../openai-wire/report.ts'

type Effort = NonNullable<Reasoning['effort']>

const efforts: readonly Effort[] = ['minimal', 'low', 'medium', 'high', 'xhigh', 'max']
const reasoningFields = new Set(['effort', 'max_tokens', 'enabled'])
const thinkingFields = new Set(['type', 'budget_tokens'])

/**
 * How much to think, from whichever word the caller uses: OpenAI's `reasoning_effort`, the `reasoning` object of
 * OpenRouter and the Responses API, or Anthropic's `thinking`, which LiteLLM takes as well.
 */
export function decodeReasoning(body: JsonObject, report: Report): Reasoning | undefined {
  const reasoning = optional(readObject, body.reasoning, 'reasoning') ?? {}
  reportLeftOut(reasoning, reasoningFields, 'reasoning', report)
  const thinking = optional(readObject, body.thinking, 'thinking') ?? {}
  reportLeftOut(thinking, thinkingFields, 'thinking', report)

  const effort =
    readEffort(body.reasoning_effort, 'reasoning_effort') ?? readEffort(reasoning.effort, 'reasoning.effort')
  const budgetTokens =
    optional(readCount, thinking.budget_tokens, 'thinking.budget_tokens') ??
    optional(readCount, reasoning.max_tokens, 'reasoning.max_tokens')
  const enabled = readSwitch(thinking) ?? optional(readBoolean, reasoning.enabled, 'reasoning.enabled')
  if (enabled === false || effort === 'none') return { enabled: false }
  if (enabled === undefined && effort === undefined && budgetTokens === undefined) return undefined
  return { enabled: true, ...present({ effort: effort === 'default' ? undefined : effort, budgetTokens }) }
}

/** `none` switches thinking off; `default` (Groq) leaves the measure to the model. The Responses API's object holds it too. */
function readEffort(value: JsonValue | undefined, path: string): Effort | 'none' | 'default' | undefined {
  if (value === undefined || value === null) return undefined
  if (isObject(value)) return readEffort(value.effort, `${path}.effort`)
  const word = readString(value, path)
  if (word === 'none' || word === 'default') return word
  const effort = efforts.find((known) => known === word)
  if (effort === undefined) throw invalid(path, `"none", ${efforts.map((known) => `"${known}"`).join(', ')}`, word)
  return effort
}

function readSwitch(thinking: JsonObject): boolean | undefined {
  switch (thinking.type) {
    case undefined:
    case null:
      return undefined
    case 'enabled':
    case 'adaptive':
      return true
    case 'disabled':
      return false
    default:
      throw invalid('thinking.type', '"enabled", "adaptive" or "disabled"', thinking.type)
  }
}

/**
 * `reasoning_effort`, which is all that Chat Completions knows. Not sent where the caller named no measure or wants no
 * thinking: models without reasoning refuse the field with a 400, and `none` is unknown to many that have it.
 * Source of the steps: LiteLLM's translation of Anthropic's budgets.
 */
export function encodeReasoning(reasoning: Reasoning | undefined, report: Report): JsonObject {
  if (reasoning === undefined) return {}
  if (!reasoning.enabled) {
    report.changed('reasoning', 'left out: how much a model thinks without being asked is its own default')
    return {}
  }
  if (reasoning.effort === 'max') {
    report.changed('reasoning.effort', 'sent as `reasoning_effort: xhigh`')
    return { reasoning_effort: 'xhigh' }
  }
  if (reasoning.effort !== undefined) {
    if (reasoning.budgetTokens !== undefined) report.changed('reasoning.budgetTokens', 'left out: the effort is sent')
    return { reasoning_effort: reasoning.effort }
  }
  if (reasoning.budgetTokens === undefined) {
    report.changed('reasoning', 'left out: how much a model thinks without being asked is its own default')
    return {}
  }
  const effort = effortOf(reasoning.budgetTokens)
  report.changed('reasoning.budgetTokens', `sent as \`reasoning_effort: ${effort}\``)
  return { reasoning_effort: effort }
}

function effortOf(budgetTokens: number): Effort {
  if (budgetTokens >= 10_000) return 'high'
  if (budgetTokens >= 5_000) return 'medium'
  return budgetTokens >= 2_000 ? 'low' : 'minimal'
}
