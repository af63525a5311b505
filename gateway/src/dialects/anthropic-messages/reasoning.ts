import { optional, readCount } from '../../core/body-fields.ts'
import type { Message, Reasoning } from '../../core/chat.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { Effort, ModelTraits } from './model-traits.ts'
import type { Report } from './report.ts'

const efforts: ReadonlySet<string> = new Set(['low', 'medium', 'high', 'xhigh', 'max'])

export function isEffort(value: unknown): value is Effort {
  return typeof value === 'string' && efforts.has(value)
}

/**
 * What `thinking` and `output_config.effort` ask for together.
 * @returns `undefined` for a kind of thinking that is newer than this dialect
 */
export function decodeThinking(thinking: JsonObject, effort: Effort | undefined): Reasoning | undefined {
  const measured = effort === undefined ? {} : { effort }
  switch (thinking.type) {
    case 'enabled': {
      const budgetTokens = optional(readCount, thinking.budget_tokens, 'thinking.budget_tokens')
      return { enabled: true, ...measured, ...(budgetTokens === undefined ? {} : { budgetTokens }) }
    }
    case 'adaptive':
      return { enabled: true, ...measured }
    case 'disabled':
    case 'between_tools':
      return { enabled: false, ...measured }
    default:
      return undefined
  }
}

/** LiteLLM's budgets, so that a moved caller pays what it paid; 1024 is Anthropic's smallest. */
const budgets: Readonly<Record<Effort, number>> = {
  minimal: 1024,
  low: 1024,
  medium: 2048,
  high: 4096,
  xhigh: 8192,
  max: 16_384,
}
const smallestBudget = 1024

/** `thinking` and `effort` of the body, each where there is something to say. */
export interface EncodedReasoning {
  readonly thinking?: JsonObject
  readonly effort?: Effort
  /** Tokens of `max_tokens` that thinking may take; 0 where it has no budget of its own. */
  readonly budgetTokens: number
  /** Whether thinking was asked for, which fixes `temperature` and `top_k`. */
  readonly thinks: boolean
}

export interface Circumstances {
  readonly forcedTool: boolean
  readonly messages: readonly Message[]
}

const silent: EncodedReasoning = { budgetTokens: 0, thinks: false }

/**
 * How this model is told to think as much as the caller wishes.
 *
 * | model | effort or budget | off |
 * |---|---|---|
 * | before 3.7 | not at all (`unsupported`) | – |
 * | 3.7 to 4.5, unknown | `enabled` with the budget, or the budget of the effort: 1024, 2048, 4096, 8192, 16384 | `disabled` |
 * | 4.6 | `enabled` with the budget, or `adaptive` with the effort | `disabled` |
 * | 4.7 and later | `adaptive` with the effort; a budget below 5000 is `low`, below 10000 `medium`, else `high` | `disabled`, else effort `low` |
 *
 * Thinking gives way to a tool that must be called, and, with a budget, to a tool loop whose last call the model did not
 * think about or the caller did not send back: Anthropic refuses both with 400.
 */
export function encodeReasoning(
  reasoning: Reasoning | undefined,
  circumstances: Circumstances,
  traits: ModelTraits,
  report: Report,
): EncodedReasoning {
  if (reasoning === undefined) return silent
  const effort = reasoning.effort === undefined ? {} : fitEffort(reasoning.effort, traits, report)
  if (!reasoning.enabled) return { ...silent, ...effort, ...switchedOff(traits, report) }
  if (traits.thinking === 'none') {
    report.unsupported('reasoning', 'the model does not think')
    return silent
  }
  const budgeted =
    traits.thinking === 'budget' || (traits.thinking === 'either' && reasoning.budgetTokens !== undefined)
  const obstacle = obstacleTo(budgeted, circumstances)
  if (obstacle !== undefined) {
    report.changed('reasoning', `thinking is left out: ${obstacle}`)
    return { ...silent, ...effort }
  }
  return budgeted ? byBudget(reasoning, effort, report) : byEffort(reasoning, effort, traits, report)
}

function byBudget(reasoning: Reasoning, effort: { effort?: Effort }, report: Report): EncodedReasoning {
  const asked = reasoning.budgetTokens ?? budgets[reasoning.effort ?? 'medium']
  const budgetTokens = Math.max(asked, smallestBudget)
  if (budgetTokens !== asked)
    report.changed('reasoning', `the budget is raised to ${smallestBudget}, the smallest there is`)
  return {
    thinking: { type: 'enabled', budget_tokens: budgetTokens },
    // The budget already says how much; only a caller that measured both ways means both.
    ...(reasoning.budgetTokens === undefined ? {} : effort),
    budgetTokens,
    thinks: true,
  }
}

function byEffort(
  reasoning: Reasoning,
  effort: { effort?: Effort },
  traits: ModelTraits,
  report: Report,
): EncodedReasoning {
  // From 4.7 on thinking comes back empty unless its summary is asked for.
  const display = traits.thinking === 'adaptive' ? { display: 'summarized' } : {}
  const thinking = { type: 'adaptive', ...display }
  if (reasoning.effort !== undefined || reasoning.budgetTokens === undefined) {
    return { thinking, ...effort, budgetTokens: 0, thinks: true }
  }
  const nearest = effortOfBudget(reasoning.budgetTokens)
  report.changed('reasoning', `the budget is sent as effort \`${nearest}\`: the model has no thinking budgets`)
  return { thinking, effort: nearest, budgetTokens: 0, thinks: true }
}

/** LiteLLM's steps, as openai-chat has them. */
function effortOfBudget(budgetTokens: number): Effort {
  if (budgetTokens >= 10_000) return 'high'
  return budgetTokens >= 5_000 ? 'medium' : 'low'
}

function fitEffort(effort: Effort, traits: ModelTraits, report: Report): { readonly effort?: Effort } {
  if (traits.efforts.length === 0) return {}
  if (traits.efforts.includes(effort)) return { effort }
  const nearest = effort === 'minimal' ? 'low' : 'high'
  report.changed('reasoning', `effort \`${effort}\` is sent as \`${nearest}\`, the nearest that the model has`)
  return { effort: nearest }
}

function switchedOff(
  traits: ModelTraits,
  report: Report,
): { readonly thinking?: JsonObject; readonly effort?: Effort } {
  switch (traits.thinkingOff) {
    case 'omit':
      return {}
    case 'disabled':
      return { thinking: { type: 'disabled' } }
    case 'between-tools':
      report.changed('reasoning', 'sent as `between_tools`: the model does not stop thinking altogether')
      return { thinking: { type: 'between_tools' } }
    case 'never':
      report.changed('reasoning', 'sent as effort `low`: the model cannot be kept from thinking')
      return { effort: 'low' }
    default:
      return traits.thinkingOff satisfies never
  }
}

function obstacleTo(budgeted: boolean, { forcedTool, messages }: Circumstances): string | undefined {
  if (forcedTool) return 'the model cannot think before a tool it must call'
  if (budgeted && isUnthoughtToolLoop(messages))
    return 'the tool call that is answered here came without signed thinking'
  return undefined
}

/** Whether the conversation ends in results of a call whose turn does not begin with thinking that Anthropic signed. */
function isUnthoughtToolLoop(messages: readonly Message[]): boolean {
  const caller = messages.findLastIndex((message) => message.role === 'assistant')
  const message = messages[caller]
  if (message?.role !== 'assistant' || !message.content.some((part) => part.type === 'tool-call')) return false
  if (!messages.slice(caller + 1).some((later) => later.role === 'tool')) return false
  const first = message.content[0]
  return !(first?.type === 'redacted-thinking' || (first?.type === 'thinking' && first.signature !== undefined))
}
