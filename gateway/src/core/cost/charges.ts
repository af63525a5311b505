import type { Usage, UsageUnits } from '../usage.ts'
import type { Price, RateCard, Slice } from './price.ts'
import type { Rate } from './rate.ts'

/** One position of a bill. */
export interface Charge {
  readonly side: 'input' | 'output' | 'tools'
  /** `text`, `cache-read`, `reasoning`, `web-search` … */
  readonly kind: ChargeKind
  /** Tokens, ms, characters, images …: a whole number above 0. */
  readonly quantity: number
  /** For one of them; `undefined`: not known. */
  readonly rate: Rate | undefined
}

export type ChargeKind =
  | 'text'
  | 'cache-read'
  | 'cache-read-audio'
  | 'cache-write'
  | 'cache-write-1h'
  | 'audio'
  | 'image-tokens'
  | 'reasoning'
  | 'characters'
  | 'seconds'
  | 'video'
  | 'images'
  | 'pixels'
  | 'queries'
  | 'requests'
  | 'pages'
  | 'annotated-pages'
  | 'citations'
  | 'web-search'
  | 'code-interpreter'
  | 'file-search'
  | 'computer-use'

const noUnits: UsageUnits = {}

/** Everything a call is to be billed for, by the algorithm of contract 1.8. */
export function chargesOf(usage: Usage, price: Price): readonly Charge[] {
  const charges: Charge[] = []
  const units = usage.units ?? noUnits
  const inputTokens = whole(usage.inputTokens)
  const card = price.card(usage.serviceTier, inputTokens)
  if (usage.units !== undefined) addUnits(charges, usage, units, card)
  // A price that knows no tokens is by time, image or query; what was counted in tokens is then not billed.
  const byTokens = card.input !== undefined || card.output !== undefined || price.slices.length > 0
  if (byTokens || charges.length === 0) {
    if (!byTokens && card.responseMs !== undefined && units.responseMs !== undefined) {
      add(charges, 'output', 'seconds', units.responseMs, card.responseMs)
    } else {
      addInput(charges, usage, inputTokens, card, price.slices)
      addOutput(charges, usage, card, price.slices)
    }
  }
  if (usage.webSearches !== undefined || usage.units !== undefined) addTools(charges, usage, units, price)
  return charges
}

function addInput(charges: Charge[], usage: Usage, total: number, card: RateCard, slices: readonly Slice[]): void {
  const cached = whole(usage.cachedInputTokens)
  const written = whole(usage.cacheWriteTokens)
  const writtenOneHour = Math.min(written, whole(usage.cacheWriteOneHourTokens))
  const image = whole(usage.imageInputTokens)
  const cachedAudio = Math.min(cached, whole(usage.cachedAudioInputTokens))
  // Both the cached tokens and those of sound count what is both.
  const audio = Math.max(0, whole(usage.audioInputTokens) - cachedAudio)
  // Parts that a provider counts twice must not make a negative rest.
  const text = Math.max(0, total - cached - written - audio - image)
  if (slices.length > 0 && card.input === undefined) {
    addSliced(charges, 'input', 'text', 0, total, slices, 'input')
    return
  }
  add(charges, 'input', 'text', text, card.input)
  add(charges, 'input', 'cache-read', cached - cachedAudio, card.cacheRead)
  add(charges, 'input', 'cache-read-audio', cachedAudio, card.cacheReadAudio)
  add(charges, 'input', 'cache-write', written - writtenOneHour, card.cacheWrite)
  add(charges, 'input', 'cache-write-1h', writtenOneHour, card.cacheWriteOneHour)
  add(charges, 'input', 'audio', audio, card.audioInput)
  add(charges, 'input', 'image-tokens', image, card.imageInput)
}

function addOutput(charges: Charge[], usage: Usage, card: RateCard, slices: readonly Slice[]): void {
  const total = whole(usage.outputTokens)
  const reasoning = whole(usage.reasoningTokens)
  const audio = whole(usage.audioOutputTokens)
  const image = whole(usage.imageOutputTokens)
  const text = Math.max(0, total - reasoning - audio - image)
  if (slices.length > 0 && card.output === undefined) {
    addSliced(charges, 'output', 'text', 0, text, slices, 'output')
    addSliced(charges, 'output', 'reasoning', text, text + reasoning, slices, 'reasoning')
    return
  }
  add(charges, 'output', 'text', text, card.output)
  add(charges, 'output', 'reasoning', reasoning, card.reasoning)
  add(charges, 'output', 'audio', audio, card.audioOutput)
  add(charges, 'output', 'image-tokens', image, card.imageOutput)
}

/** Tokens number `from` to `to` of the side, each at the rate of its slice; those beyond the last slice at the last one's. */
function addSliced(
  charges: Charge[],
  side: Charge['side'],
  kind: ChargeKind,
  from: number,
  to: number,
  slices: readonly Slice[],
  rate: 'input' | 'output' | 'reasoning',
): void {
  for (const [index, slice] of slices.entries()) {
    const begin = Math.max(from, index === 0 ? 0 : slice.from)
    const end = Math.min(to, slices[index + 1]?.from ?? Number.POSITIVE_INFINITY)
    add(charges, side, kind, end - begin, slice[rate])
  }
}

function addUnits(charges: Charge[], usage: Usage, units: UsageUnits, card: RateCard): void {
  const byTokens = card.input !== undefined || card.output !== undefined
  // Vertex AI's older entries have a price per character beside the one per token; both would bill twice.
  if (card.input === undefined) add(charges, 'input', 'characters', whole(units.inputCharacters), card.inputCharacter)
  if (card.output === undefined)
    add(charges, 'output', 'characters', whole(units.outputCharacters), card.outputCharacter)
  if (!byTokens) add(charges, 'input', 'seconds', whole(units.audioMs), card.audioMs ?? card.responseMs)
  add(charges, 'input', 'video', whole(units.inputVideoMs), card.inputVideoMs)
  add(charges, 'output', 'video', whole(units.outputVideoMs), card.outputVideoMs ?? card.responseMs)
  addImages(charges, usage, units, card, byTokens)
  add(charges, 'input', 'queries', whole(units.queries), card.query)
  add(charges, 'input', 'requests', card.request === undefined ? 0 : whole(units.requests), card.request)
  add(charges, 'input', 'pages', whole(units.pages), card.page)
  add(charges, 'input', 'annotated-pages', whole(units.annotatedPages), card.annotatedPage)
  add(charges, 'output', 'citations', whole(units.citationTokens), card.citation)
}

/** By image, else by pixel; not both by image and by the tokens of the same image. */
function addImages(charges: Charge[], usage: Usage, units: UsageUnits, card: RateCard, byTokens: boolean): void {
  if (!(whole(usage.imageInputTokens) > 0)) {
    add(charges, 'input', 'images', whole(units.inputImages), card.inputImage)
  }
  if (whole(usage.imageOutputTokens) > 0) return
  const perImage = card.outputImage ?? card.inputImage
  if (perImage !== undefined) add(charges, 'output', 'images', whole(units.outputImages), perImage)
  else if (card.pixel !== undefined) add(charges, 'output', 'pixels', whole(units.outputPixels), card.pixel)
  else if (!byTokens) add(charges, 'output', 'images', whole(units.outputImages), undefined)
}

function addTools(charges: Charge[], usage: Usage, units: UsageUnits, { tools }: Price): void {
  const searches = whole(usage.webSearches)
  const billed = tools.webSearchOncePerRequest ? Math.min(1, searches) : searches
  add(charges, 'tools', 'web-search', billed, tools.webSearch[units.searchContextSize ?? 'medium'])
  add(charges, 'tools', 'code-interpreter', whole(units.codeInterpreterSessions), tools.codeInterpreterSession)
  add(charges, 'tools', 'file-search', whole(units.fileSearches), tools.fileSearch)
  add(charges, 'tools', 'computer-use', whole(units.computerUseInputTokens), tools.computerUseInput)
  add(charges, 'tools', 'computer-use', whole(units.computerUseOutputTokens), tools.computerUseOutput)
}

function add(
  charges: Charge[],
  side: Charge['side'],
  kind: ChargeKind,
  quantity: number,
  rate: Rate | undefined,
): void {
  if (quantity > 0) charges.push({ side, kind, quantity, rate })
}

/** Providers' counts are not ours to trust: what is no number of 0 or more is none. */
function whole(count: number | undefined): number {
  return count !== undefined && count > 0 && count <= Number.MAX_SAFE_INTEGER ? Math.trunc(count) : 0
}
