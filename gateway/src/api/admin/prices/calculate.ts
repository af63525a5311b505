import { z } from 'zod'
import { costOf } from '../../../core/cost/cost-of.ts'
import { nanoToUsd } from '../../../core/money.ts'
import { promptTokens } from '../../../core/prompt-tokens.ts'
import { roles } from '../../../core/role.ts'
import { servedAs, type Usage } from '../../../core/usage.ts'
import { isObject, type JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import type { AdminPorts } from '../ports.ts'
import { plainDetail } from '../refusals.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { pricedModel, unpriced } from './estimate.ts'
import { tag } from './reload.ts'

const calculation = z.object({
  model: z.string().nullish(),
  messages: z.array(z.unknown()).nullish(),
  completion_response: z.record(z.string(), z.unknown()).nullish(),
})

const counting = z.object({
  model: z.string().min(1),
  prompt: z.string().nullish(),
  messages: z.array(z.unknown()).nullish(),
  contents: z.array(z.unknown()).nullish(),
  tools: z.array(z.unknown()).nullish(),
  system: z.unknown().optional(),
})

/** What an answer cost, or a prompt would; and how many tokens a prompt has. */
export function calculateRoutes({ calls }: Pick<AdminPorts, 'calls'>): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/spend/calculate',
      summary: 'What an answer cost (`completion_response`), or what a prompt would (`model`, `messages`)',
      tag,
      roles: [...roles],
      body: calculation,
      handle({ body, sent, exchange }) {
        const snapshot = snapshotOf(exchange)
        const { completion_response: answer, messages } = sent
        const model = body.model ?? (isObject(answer) && typeof answer.model === 'string' ? answer.model : undefined)
        if (model === undefined || (!isObject(answer) && !Array.isArray(messages))) {
          throw plainDetail(
            400,
            "Bad Request - Either 'model' and 'messages', or 'completion_response' must be provided",
          )
        }
        const priced = pricedModel(snapshot, model, calls.clock.wall())
        if (priced === undefined) throw unpriced(model)
        const usage: Usage | undefined = isObject(answer)
          ? usageOf(answer)
          : { inputTokens: promptTokens(messages), outputTokens: 0, estimated: true }
        if (usage === undefined) throw plainDetail(400, 'Bad Request - completion_response has no usage')
        const cost = costOf(usage, priced.price, snapshot.settings.terms.of(priced.provider))
        if (cost === undefined) throw unpriced(model)
        return { body: { cost: nanoToUsd(cost.total), ...(cost.estimated ? { estimated: true } : {}) } }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/utils/token_counter',
      summary: 'About how many tokens a prompt has; providers count for themselves when they are called',
      tag,
      roles: [...roles],
      body: counting,
      handle({ body, sent, exchange }) {
        const prompt = sent.messages ?? sent.contents ?? sent.prompt
        if (prompt === undefined || prompt === null) {
          throw plainDetail(400, 'prompt or messages or contents must be provided')
        }
        const resolution = snapshotOf(exchange).models.resolve(body.model)
        const [deployment] = resolution?.group.deployments ?? []
        const upstream = deployment?.upstreamModel.replace('*', () => resolution?.wildcard ?? '*')
        const tokens = promptTokens(prompt) + promptTokens(sent.tools ?? null) + promptTokens(sent.system ?? null)
        return {
          body: {
            total_tokens: tokens,
            request_model: body.model,
            model_used: upstream ?? body.model,
            // Not a vocabulary of the model: those take 64 MB and on some texts seconds, to be wrong for most providers.
            tokenizer_type: 'estimate',
            original_response: null,
            error: false,
          },
        }
      },
    }),
  ]

  /** Of an answer in OpenAI's words, else in Anthropic's. */
  function usageOf(answer: JsonObject): Usage | undefined {
    for (const name of ['openai-chat', 'anthropic-messages'] as const) {
      const dialect = calls.dialect(name)
      const usage = dialect.family === 'chat' ? dialect.usageOf(answer) : undefined
      if (usage !== undefined) return servedAs(usage, undefined, answer.service_tier)
    }
    return undefined
  }
}
