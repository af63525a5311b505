import type { ChatRequest } from '../../core/chat.ts'
import { type JsonObject, present } from '../../lib/json.ts'
import type { ModelTraits } from './model-traits.ts'
import type { Report } from './report.ts'

type Sampling = Pick<ChatRequest, 'temperature' | 'topP' | 'topK'>

/**
 * `temperature`, `top_p` and `top_k`, as far as the model takes them. Anthropic's temperature ends at 1. Models from 4.7
 * on take none of the three, those from 4.1 on not temperature and `top_p` together, and a model that thinks only
 * temperature 1, `top_p` from 0.95 and no `top_k`.
 */
export function encodeSampling(asked: Sampling, thinks: boolean, traits: ModelTraits, report: Report): JsonObject {
  if (traits.sampling === 'none') return reportAll(asked, report)
  if (thinks) return whileThinking(asked, report)
  const temperature = clamped(asked.temperature, report)
  if (temperature !== undefined && asked.topP !== undefined && traits.sampling === 'one') {
    report.changed('topP', 'left out: the model takes it or the temperature, not both')
    return present({ temperature, top_k: asked.topK })
  }
  return present({ temperature, top_p: asked.topP, top_k: asked.topK })
}

function reportAll(asked: Sampling, report: Report): JsonObject {
  for (const name of ['temperature', 'topP', 'topK'] as const) {
    if (asked[name] === undefined) continue
    if (name !== 'topK' && asked[name] === 1) report.changed(name, 'left out: the model samples in no other way')
    else report.unsupported(name, 'the model takes no sampling parameters')
  }
  return {}
}

function whileThinking(asked: Sampling, report: Report): JsonObject {
  const { temperature, topP, topK } = asked
  if (temperature !== undefined && temperature !== 1) report.changed('temperature', 'left out: thinking needs 1')
  if (topP !== undefined && topP < 0.95) report.changed('topP', 'left out: thinking needs 0.95 or more')
  if (topK !== undefined) report.changed('topK', 'left out: not with thinking')
  return topP !== undefined && topP >= 0.95 ? { top_p: topP } : {}
}

function clamped(temperature: number | undefined, report: Report): number | undefined {
  if (temperature === undefined || (temperature >= 0 && temperature <= 1)) return temperature
  const nearest = temperature > 1 ? 1 : 0
  report.changed('temperature', `sent as ${nearest}: Anthropic's range is 0 to 1`)
  return nearest
}
