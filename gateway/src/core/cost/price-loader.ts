import { noPrices, type PriceBook } from './price-book.ts'

/** Where price maps come from; each is read off the event loop. */
export interface PriceLoader {
  /** The map that comes with the gateway. */
  bundled(): Promise<PriceBook>
  /** A map that was accepted before, by its hash. @throws Error saying why it cannot be had */
  load(hash: string): Promise<PriceBook>
}

/** For checks of a configuration, where nothing is costed. */
export const unpriced: PriceLoader = { bundled: async () => noPrices, load: async () => noPrices }
