import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../gateway/src/lib/json.ts'

const providers = ['openai', 'anthropic', 'gemini', 'bedrock', 'azure', 'vertex_ai', 'mistral', 'groq'] as const
const modes = ['chat', 'chat', 'chat', 'completion', 'embedding', 'responses'] as const

/** A map of the size and the kinds of fields of LiteLLM's, every entry with prices of its own. */
export function generatedMap(models: number): JsonObject {
  return Object.fromEntries(
    Array.from({ length: models }, (_, index) => {
      const provider = providers[index % providers.length] ?? 'openai'
      const price = (1 + (index % 97)) / 1e7
      return [
        `${provider}/model-${index}`,
        {
          litellm_provider: provider,
          mode: modes[index % modes.length],
          max_tokens: 8_192,
          max_input_tokens: 128_000 + index,
          max_output_tokens: 8_192,
          input_cost_per_token: price,
          output_cost_per_token: price * 4,
          cache_read_input_token_cost: price / 10,
          ...(index % 5 === 0 ? { input_cost_per_token_above_200k_tokens: price * 2 } : {}),
          ...(index % 7 === 0 ? { input_cost_per_token_flex: price / 2, output_cost_per_token_flex: price * 2 } : {}),
          supports_function_calling: true,
          supports_vision: index % 3 === 0,
          supported_endpoints: ['/v1/chat/completions', '/v1/batches', '/v1/responses'],
          supported_modalities: ['text', 'image'],
          source: `https://prices.example.com/${provider}/model-${index}`,
        },
      ]
    }),
  )
}

/** Serves the map that it is told to, and counts who asks. */
export class MapPublisher {
  fetches = 0
  text = '{}'
  readonly #server = createServer((_request, response) => {
    this.fetches += 1
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    response.end(this.text)
  })

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/model_prices_and_context_window.json`
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
