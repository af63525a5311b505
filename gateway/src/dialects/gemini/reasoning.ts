import { optional } from '../../core/body-fields.ts'
import type { Reasoning } from '../../core/chat.ts'
import type { JsonObject } from '../../lib/json.ts'
import { field, readNumber } from '../gemini-wire/fields.ts'
import type { Report } from '../gemini-wire/report.ts'
import type { ModelTraits, ThinkingLevel } from './model-traits.ts'

type Effort = NonNullable<Reasoning['effort']>

/** LiteLLM's budgets, so that a moved caller pays what it paid. */
const budgets: Readonly<Record<Effort, number>> = {
  minimal: 128,
  low: 1024,
  medium: 2048,
  high: 4096,
  xhigh: 8192,
  max: 32_768,
}

/**
 * `thinkingConfig` for a model. Whoever asks for thinking is shown it (`includeThoughts`), as callers of the other dialects are.
 *
 * | model | effort or budget | off |
 * |---|---|---|
 * | before 2.5, Gemma | not at all (`unsupported`) | – |
 * | 2.5 | `thinkingBudget`: the budget, or that of the effort, within the model's range | 0, or the smallest of the range |
 * | from 3 on | `thinkingLevel` for an effort, `thinkingBudget` for a budget (never both: 400) | the least level |
 */
export function encodeReasoning(
  reasoning: Reasoning | undefined,
  traits: ModelTraits,
  report: Report,
): JsonObject | undefined {
  if (reasoning === undefined) return undefined
  if (traits.thinking === 'none') {
    if (reasoning.enabled) report.unsupported('reasoning', 'the model does not think')
    return undefined
  }
  if (!reasoning.enabled) return switchedOff(traits, report)
  if (reasoning.budgetTokens !== undefined) return byBudget(reasoning.budgetTokens, traits, report)
  if (reasoning.effort === undefined) return { includeThoughts: true }
  if (traits.thinking === 'level')
    return { thinkingLevel: levelOf(reasoning.effort, traits, report), includeThoughts: true }
  return byBudget(budgets[reasoning.effort], traits, undefined)
}

/** @param report `undefined` where the budget is ours, so that fitting it changes nothing the caller said */
function byBudget(asked: number, { budget }: ModelTraits, report: Report | undefined): JsonObject {
  const thinkingBudget = Math.min(Math.max(asked, budget.min), budget.max)
  if (thinkingBudget !== asked)
    report?.changed('reasoning', `the budget is sent as ${thinkingBudget}, the nearest that the model takes`)
  return { thinkingBudget, includeThoughts: true }
}

function levelOf(effort: Effort, { levels }: ModelTraits, report: Report): ThinkingLevel {
  const exact = levels.find((level) => level === effort)
  if (exact !== undefined) return exact
  const nearest = effort === 'minimal' ? 'low' : 'high'
  report.changed('reasoning', `effort \`${effort}\` is sent as \`${nearest}\`, the nearest that the model has`)
  return nearest
}

function switchedOff({ thinking, budget, levels }: ModelTraits, report: Report): JsonObject {
  if (thinking === 'budget' && budget.min === 0) return { thinkingBudget: 0 }
  // Flash-Lite takes 0 as well, beside its range: it does not think unless asked.
  if (thinking === 'budget' && budget.min === 512) return { thinkingBudget: 0 }
  report.changed('reasoning', 'the model cannot be kept from thinking; it is told to think as little as it can')
  return thinking === 'budget' ? { thinkingBudget: budget.min } : { thinkingLevel: levels[0] ?? 'low' }
}

/** A caller's `thinkingConfig`: budget 0 is off, -1 leaves the amount to the model. */
export function decodeReasoning(config: JsonObject, path: string): Reasoning | undefined {
  const budget = optional(readNumber, field(config, 'thinkingBudget'), `${path}.thinkingBudget`)
  const level = field(config, 'thinkingLevel')
  if (budget === 0) return { enabled: false }
  if (budget !== undefined && budget > 0) return { enabled: true, budgetTokens: Math.round(budget) }
  const effort = typeof level === 'string' ? efforts[level.toLowerCase()] : undefined
  if (effort !== undefined) return { enabled: true, effort }
  return budget !== undefined || field(config, 'includeThoughts') === true ? { enabled: true } : undefined
}

const efforts: Readonly<Record<string, Effort>> = { minimal: 'minimal', low: 'low', medium: 'medium', high: 'high' }
