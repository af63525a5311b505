import { defaultGuards, type Guards } from './compare.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** LiteLLM's own, kept up to date on GitHub (contract 1.3). */
export const publicMapUrl =
  'https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json'

/** Where the map comes from, by the environment (contract 1.3). */
export interface MapOrigin {
  readonly url: string
  /** The operator named the URL: it is looked at when the process starts, too. */
  readonly isNamed: boolean
  /** `LITELLM_LOCAL_MODEL_COST_MAP`: only the map that comes with the gateway. */
  readonly forcedLocal: boolean
  readonly guards: Guards
}

export function mapOrigin(environment: Environment): MapOrigin {
  const named = environment.LITELLM_MODEL_COST_MAP_URL?.trim() ?? ''
  return {
    url: named === '' ? publicMapUrl : named,
    isNamed: named !== '',
    forcedLocal: environment.LITELLM_LOCAL_MODEL_COST_MAP?.trim().toLowerCase() === 'true',
    guards: {
      fewestModels: number(environment.MODEL_COST_MAP_MIN_MODEL_COUNT, defaultGuards.fewestModels),
      smallestRest: number(environment.MODEL_COST_MAP_MAX_SHRINK_RATIO, defaultGuards.smallestRest),
      largestFactor: number(environment.MODEL_COST_MAP_MAX_PRICE_FACTOR, defaultGuards.largestFactor),
    },
  }
}

/** A guard that is mistyped still guards. */
function number(text: string | undefined, fallback: number): number {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text)
  return value >= 0 ? value : fallback
}
