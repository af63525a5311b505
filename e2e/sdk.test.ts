import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { echoTokens, thinkingTokens, vectorOf } from '../gateway/test/played/answer.ts'
import { type Configuration, playedModel } from './config-file.ts'
import { type GatewayProcess, masterKey, startGateway } from './processes.ts'
import { playedStage } from './stage.ts'

/** One provider behind the gateway: its public name and what LiteLLM's users write to reach it. */
interface Target {
  readonly name: string
  readonly parameters: (base: string) => Readonly<Record<string, unknown>>
  /** Path at which the played provider must be called. */
  readonly path: RegExp
  readonly embeds: boolean
}

const targets: readonly Target[] = [
  {
    name: 'openai',
    parameters: (base) => ({ model: 'openai/gpt-played', api_base: `${base}/v1` }),
    path: /^\/v1\/chat\/completions$/,
    embeds: true,
  },
  {
    name: 'azure',
    parameters: (base) => ({ model: 'azure/gpt-played', api_base: base, api_version: '2024-10-21' }),
    path: /^\/openai\/deployments\/gpt-played\/chat\/completions\?api-version=2024-10-21$/,
    embeds: true,
  },
  {
    name: 'anthropic',
    parameters: (base) => ({ model: 'anthropic/claude-played', api_base: base }),
    path: /^\/v1\/messages$/,
    embeds: false,
  },
  {
    name: 'gemini',
    parameters: (base) => ({ model: 'gemini/gemini-played', api_base: `${base}/v1beta` }),
    path: /^\/v1beta\/models\/gemini-played:(streamG|g)enerateContent(\?alt=sse)?$/,
    embeds: true,
  },
  {
    name: 'gemini-openai',
    parameters: (base) => ({ model: 'gemini/gemini-played', api_base: `${base}/v1beta/openai` }),
    path: /^\/v1beta\/openai\/chat\/completions$/,
    embeds: true,
  },
  {
    name: 'ollama',
    parameters: (base) => ({ model: 'ollama/llama-played', api_base: base }),
    path: /^\/v1\/chat\/completions$/,
    embeds: true,
  },
  {
    name: 'groq',
    parameters: (base) => ({ model: 'groq/llama-played', api_base: `${base}/openai/v1` }),
    path: /^\/openai\/v1\/chat\/completions$/,
    embeds: false,
  },
  {
    name: 'hosted_vllm',
    parameters: (base) => ({ model: 'hosted_vllm/played/model', api_base: `${base}/v1` }),
    path: /^\/v1\/chat\/completions$/,
    embeds: true,
  },
]

const city = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } as const
const parallelCalls = '#call get_weather {"city":"Zürich"}\n#call get_time {"city":"Paris"}'
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const pixelBytes = Buffer.from(pixel, 'base64').length

const functionTools: OpenAI.ChatCompletionTool[] = ['get_weather', 'get_time'].map((name) => ({
  type: 'function',
  function: { name, description: `Tells about a city: ${name}`, parameters: city },
}))
const messageTools: Anthropic.Tool[] = ['get_weather', 'get_time'].map((name) => ({
  name,
  description: `Tells about a city: ${name}`,
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}))

let gateway: GatewayProcess
let openai: OpenAI
let anthropic: Anthropic

const configuration = (url: string): Configuration => {
  const model_list = targets.map(({ name, parameters }) => ({
    model_name: name,
    litellm_params: { api_key: 'sk-played-v7', ...parameters(url) },
  }))
  const failing = [
    'status=500',
    'refuse=rate-limit',
    'refuse=authentication',
    'refuse=context-window',
    'status=404',
  ].map((fault) => playedModel(`failing-${fault}`, `${url}/v1`, { model: `openai/m+${fault}` }))
  return { model_list: [...model_list, ...failing], router_settings: { num_retries: 0, disable_cooldowns: true } }
}

const stage = playedStage(configuration, async ({ config }) => {
  gateway = await startGateway({ config })
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: masterKey, maxRetries: 0 })
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: masterKey, maxRetries: 0 })
})

for (const target of targets) {
  const model = target.name
  const echoed = (id: string): string => echoTokens(id, 8, 'p-k7').join('')

  describe(`the openai client against ${model}`, () => {
    const ask = (content: string): OpenAI.ChatCompletionMessageParam[] => [{ role: 'user', content }]

    it('gets a whole answer, with usage, from the right path', async () => {
      const { data, response } = await openai.chat.completions
        .create({ model, messages: ask('#id unary') })
        .withResponse()
      const choice = data.choices[0]
      assert.equal(choice?.message.content, echoed('unary'))
      assert.equal(choice?.finish_reason, 'stop')
      assert.equal(data.model, model)
      assert.equal(data.usage?.prompt_tokens, 40)
      assert.equal(data.usage?.prompt_tokens_details?.cached_tokens, 16)
      assert.equal(data.usage?.total_tokens, 40 + (data.usage?.completion_tokens ?? 0))
      assert.match(stage.provider.ledger.last.path, target.path)
      assert.match(response.headers.get('x-midflight-revision') ?? '', /^\d+$/)
      assert.ok(response.headers.get('x-litellm-call-id'))
      assert.ok(response.headers.get('x-litellm-model-id'))
    })

    it('gets a streamed answer, with usage when it asks for it', async () => {
      const messages = ask('#id streamed')
      const stream = openai.chat.completions.stream({ model, messages, stream_options: { include_usage: true } })
      const final = await stream.finalChatCompletion()
      assert.equal(final.choices[0]?.message.content, echoed('streamed'))
      assert.equal(final.choices[0]?.finish_reason, 'stop')
      assert.equal(final.usage?.prompt_tokens, 40)
    })

    it('does not get usage in a stream when it did not ask', async () => {
      const stream = await openai.chat.completions.create({ model, messages: ask('#id quiet'), stream: true })
      for await (const chunk of stream) {
        assert.equal(chunk.usage ?? null, null)
        assert.equal(chunk.choices.length, 1)
        assert.equal(chunk.model, model)
      }
    })

    it('gets parallel tool calls, whole and streamed, and sends their results back', async () => {
      const messages = ask(parallelCalls)
      const whole = await openai.chat.completions.create({ model, messages, tools: functionTools })
      const streamed = await openai.chat.completions
        .stream({ model, messages, tools: functionTools })
        .finalChatCompletion()
      for (const { choices } of [whole, streamed]) {
        assert.equal(choices[0]?.finish_reason, 'tool_calls')
        const calls = (choices[0]?.message.tool_calls ?? []).filter((call) => call.type === 'function')
        assert.deepEqual(
          calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
          [
            ['get_weather', { city: 'Zürich' }],
            ['get_time', { city: 'Paris' }],
          ],
        )
        assert.equal(new Set(calls.map((call) => call.id)).size, 2)
      }
      const message = whole.choices[0]?.message
      assert.ok(message)
      const results = (message.tool_calls ?? []).map(
        (call, index): OpenAI.ChatCompletionToolMessageParam => ({
          role: 'tool',
          tool_call_id: call.id,
          content: index === 0 ? 'sunny' : 'noon',
        }),
      )
      const next = await openai.chat.completions.create({
        model,
        messages: [...messages, message, ...results],
        tools: functionTools,
      })
      assert.equal(next.choices[0]?.message.content, 'get_weather=sunny; get_time=noon; ')
    })

    it('can insist on one tool', async () => {
      const answer = await openai.chat.completions.create({
        model,
        messages: ask('#id forced'),
        tools: functionTools,
        tool_choice: { type: 'function', function: { name: 'get_time' } },
      })
      const call = answer.choices[0]?.message.tool_calls?.[0]
      assert.equal(call?.type === 'function' && call.function.name, 'get_time')
    })

    it('gets an answer in the JSON schema it gave', async () => {
      const schema = {
        type: 'object',
        properties: { title: { type: 'string' }, pages: { type: 'integer' } },
        required: ['title', 'pages'],
        additionalProperties: false,
      }
      const response_format = { type: 'json_schema' as const, json_schema: { name: 'book', schema, strict: true } }
      const create = { model, messages: ask('#id json'), response_format }
      const expected = { title: 'sample “text”', pages: 7 }
      const whole = await openai.chat.completions.create(create)
      assert.deepEqual(JSON.parse(whole.choices[0]?.message.content ?? ''), expected)
      const streamed = await openai.chat.completions.stream(create).finalContent()
      assert.deepEqual(JSON.parse(streamed ?? ''), expected)
    })

    it('shows images by base64 and by URL', async () => {
      const answer = await openai.chat.completions.create({
        model,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
              { type: 'image_url', image_url: { url: 'https://images.example/cat.jpg' } },
            ],
          },
        ],
      })
      assert.equal(
        answer.choices[0]?.message.content,
        `[base64:image/png:${pixelBytes}] [url:https://images.example/cat.jpg] `,
      )
    })

    it('gets its system and developer texts to the model', async () => {
      const answer = await openai.chat.completions.create({
        model,
        messages: [{ role: 'system', content: 'Speak like a pilot.' }, ...ask('#system')],
      })
      assert.equal(answer.choices[0]?.message.content, 'Speak like a pilot.')
    })

    it('learns that an answer was cut by length or filtered', async () => {
      const finishOf = async (word: string): Promise<string | undefined> => {
        const answer = await openai.chat.completions.create({ model, messages: ask(`#id end\n#${word}`) })
        return answer.choices[0]?.finish_reason
      }
      assert.equal(await finishOf('length'), 'length')
      assert.equal(await finishOf('filter'), 'content_filter')
    })

    if (target.embeds) {
      it('gets embeddings as numbers and as base64', async () => {
        const input = ['first text', 'zweiter Text']
        const floats = await openai.embeddings.create({ model, input, encoding_format: 'float' })
        const packed = await openai.embeddings.create({ model, input })
        const expected = input.map((text) => [...vectorOf(text, 8, 0)])
        assert.deepEqual(
          floats.data.map((entry) => entry.embedding),
          expected,
        )
        assert.deepEqual(
          packed.data.map((entry) => [...entry.embedding]),
          expected,
        )
      })
    }
  })

  describe(`the anthropic client against ${model}`, () => {
    const base = { model, max_tokens: 4096 }
    const ask = (content: string): Anthropic.MessageParam[] => [{ role: 'user', content }]

    it('gets a whole answer, with usage', async () => {
      const message = await anthropic.messages.create({ ...base, messages: ask('#id unary') })
      assert.deepEqual(
        message.content.map((block) => block.type === 'text' && block.text),
        [echoed('unary')],
      )
      assert.equal(message.stop_reason, 'end_turn')
      assert.equal(message.model, model)
      assert.equal(message.usage.input_tokens, 24)
      assert.equal(message.usage.cache_read_input_tokens, 16)
      assert.match(stage.provider.ledger.last.path, target.path)
    })

    it('gets a streamed answer', async () => {
      const message = await anthropic.messages.stream({ ...base, messages: ask('#id streamed') }).finalMessage()
      assert.deepEqual(
        message.content.map((block) => block.type === 'text' && block.text),
        [echoed('streamed')],
      )
      assert.equal(message.stop_reason, 'end_turn')
      assert.ok(message.usage.output_tokens > 0)
    })

    it('gets parallel tool uses, whole and streamed, and sends their results back', async () => {
      const asked = { ...base, messages: ask(parallelCalls), tools: messageTools }
      const whole = await anthropic.messages.create(asked)
      const streamed = await anthropic.messages.stream(asked).finalMessage()
      for (const message of [whole, streamed]) {
        assert.equal(message.stop_reason, 'tool_use')
        assert.deepEqual(
          message.content.map((block) => block.type === 'tool_use' && [block.name, block.input]),
          [
            ['get_weather', { city: 'Zürich' }],
            ['get_time', { city: 'Paris' }],
          ],
        )
      }
      const results = whole.content.flatMap((block, index): Anthropic.ToolResultBlockParam[] => {
        if (block.type !== 'tool_use') return []
        return [{ type: 'tool_result', tool_use_id: block.id, content: index === 0 ? 'sunny' : 'noon' }]
      })
      const next = await anthropic.messages.create({
        ...asked,
        messages: [
          ...asked.messages,
          { role: 'assistant', content: whole.content },
          { role: 'user', content: results },
        ],
      })
      const [said] = next.content
      assert.equal(said?.type === 'text' && said.text, 'get_weather=sunny; get_time=noon; ')
    })

    it('shows images by base64 and by URL, and a system text', async () => {
      const image = await anthropic.messages.create({
        ...base,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
              { type: 'image', source: { type: 'url', url: 'https://images.example/cat.jpg' } },
            ],
          },
        ],
      })
      const [said] = image.content
      assert.equal(
        said?.type === 'text' && said.text,
        `[base64:image/png:${pixelBytes}] [url:https://images.example/cat.jpg] `,
      )
      const system = await anthropic.messages.create({
        ...base,
        system: 'Speak like a pilot.',
        messages: ask('#system'),
      })
      assert.equal(system.content[0]?.type === 'text' && system.content[0].text, 'Speak like a pilot.')
    })

    it('learns that an answer was cut by length', async () => {
      const message = await anthropic.messages.create({ ...base, messages: ask('#id end\n#length') })
      assert.equal(message.stop_reason, 'max_tokens')
    })
  })
}

describe('thinking', () => {
  const prompt = [{ role: 'user' as const, content: '#id thought' }]

  for (const model of ['anthropic', 'gemini'] as const) {
    it(`reaches the anthropic client from ${model} in a thinking block before the text, and its signature goes back`, async () => {
      const asked = { model, max_tokens: 4096, thinking: { type: 'enabled' as const, budget_tokens: 2048 } }
      const whole = await anthropic.messages.create({ ...asked, messages: prompt })
      const streamed = await anthropic.messages.stream({ ...asked, messages: prompt }).finalMessage()
      for (const message of [whole, streamed]) {
        const [thought, said] = message.content
        assert.equal(thought?.type === 'thinking' && thought.thinking, thinkingTokens.join(''))
        assert.equal(said?.type === 'text' && said.text, echoTokens('thought', 8, 'p-k7').join(''))
      }
      const again = await anthropic.messages.create({
        ...asked,
        messages: [...prompt, { role: 'assistant', content: whole.content }, ...prompt],
      })
      assert.equal(again.stop_reason, 'end_turn')
    })

    it(`reaches the openai client from ${model} as reasoning_content`, async () => {
      const answer = await openai.chat.completions.create({ model, messages: prompt, reasoning_effort: 'medium' })
      const message = answer.choices[0]?.message as { reasoning_content?: string; content: string | null } // beyond OpenAI's own types
      assert.equal(message.reasoning_content, thinkingTokens.join(''))
      assert.equal(message.content, echoTokens('thought', 8, 'p-k7').join(''))
      assert.equal(answer.usage?.completion_tokens_details?.reasoning_tokens ?? 6, 6)
    })
  }
})

describe('refusals', () => {
  const content = '#id no\n#refuse'

  it('stay refusals between equal dialects and across', async () => {
    const viaOpenai = await openai.chat.completions.create({ model: 'openai', messages: [{ role: 'user', content }] })
    assert.match(viaOpenai.choices[0]?.message.refusal ?? '', /can’t help/)
    const viaAnthropic = await anthropic.messages.create({
      model: 'anthropic',
      max_tokens: 100,
      messages: [{ role: 'user', content }],
    })
    assert.equal(viaAnthropic.stop_reason, 'refusal')
    const across = await anthropic.messages.create({
      model: 'openai',
      max_tokens: 100,
      messages: [{ role: 'user', content }],
    })
    assert.equal(across.stop_reason, 'refusal')
    const back = await openai.chat.completions.create({ model: 'anthropic', messages: [{ role: 'user', content }] })
    const choice = back.choices[0]
    assert.ok(
      choice?.finish_reason === 'content_filter' || (choice?.message.refusal ?? '') !== '',
      JSON.stringify(choice),
    )
  })
})

describe('errors reach a client as its own error classes', () => {
  const messages = [{ role: 'user' as const, content: '#id e' }]
  const chat = (model: string) => openai.chat.completions.create({ model, messages })
  const message = (model: string) => anthropic.messages.create({ model, max_tokens: 100, messages })

  it('an unknown model', async () => {
    await assert.rejects(chat('no-such-model'), OpenAI.BadRequestError)
    await assert.rejects(message('no-such-model'), Anthropic.BadRequestError)
  })

  it('a wrong key', async () => {
    const stranger = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'sk-wrong', maxRetries: 0 })
    await assert.rejects(stranger.chat.completions.create({ model: 'openai', messages }), OpenAI.AuthenticationError)
    const other = new Anthropic({ baseURL: gateway.url, apiKey: 'sk-wrong', maxRetries: 0 })
    await assert.rejects(
      other.messages.create({ model: 'openai', max_tokens: 9, messages }),
      Anthropic.AuthenticationError,
    )
  })

  it('what the provider says', async () => {
    await assert.rejects(chat('failing-status=500'), OpenAI.InternalServerError)
    await assert.rejects(message('failing-status=500'), Anthropic.InternalServerError)
    await assert.rejects(chat('failing-refuse=rate-limit'), OpenAI.RateLimitError)
    await assert.rejects(message('failing-refuse=rate-limit'), Anthropic.RateLimitError)
    await assert.rejects(chat('failing-refuse=authentication'), OpenAI.AuthenticationError)
    await assert.rejects(chat('failing-status=404'), OpenAI.NotFoundError)
    await assert.rejects(chat('failing-refuse=context-window'), OpenAI.BadRequestError)
  })

  it('a parameter that is missing', async () => {
    const bare = { model: 'openai' } as OpenAI.ChatCompletionCreateParamsNonStreaming // deliberately without messages
    await assert.rejects(openai.chat.completions.create(bare), (error: unknown) => {
      assert.ok(error instanceof OpenAI.BadRequestError)
      assert.equal(error.param, 'messages')
      return true
    })
  })
})

describe('the other routes of the clients', () => {
  it('lists the models', async () => {
    const page = await openai.models.list()
    const ids = page.data.map((entry) => entry.id)
    for (const { name } of targets) assert.ok(ids.includes(name), name)
  })

  it('counts tokens for the anthropic client', async () => {
    const counted = await anthropic.messages.countTokens({
      model: 'anthropic',
      messages: [{ role: 'user', content: 'Hello' }],
    })
    assert.equal(counted.input_tokens, 40)
  })

  it('completes text the old way, whole and streamed', async () => {
    const prompt = '#id legacy'
    const whole = await openai.completions.create({ model: 'openai', prompt })
    assert.equal(whole.choices[0]?.text, echoTokens('legacy', 8, 'p-k7').join(''))
    let text = ''
    for await (const chunk of await openai.completions.create({ model: 'openai', prompt, stream: true })) {
      text += chunk.choices[0]?.text ?? ''
    }
    assert.equal(text, echoTokens('legacy', 8, 'p-k7').join(''))
  })
})
