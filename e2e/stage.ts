import { writeFile } from 'node:fs/promises'
import { after, before } from 'node:test'
import { type PlayedProvider, playProvider } from '../gateway/test/played/provider.ts'
import { type Configuration, configText } from './config-file.ts'
import { stopGateways } from './processes.ts'
import { makeScratch, type Scratch } from './scratch.ts'

/** What gateways of a suite are set between: a played provider in front of them, their files beside them. */
export interface Stage {
  readonly provider: PlayedProvider
  readonly scratch: Scratch
  /** Path of the configuration file; without a configuration there is none yet. */
  readonly config: string
}

/**
 * For the file, or for the suite that it is called in: set up before its tests, and taken down after them once the gateways that
 * still run have stopped.
 * @param configuration what the file says, of models at a provider with this URL
 * @param begin what else comes before the tests. A hook of its own would not wait for this one where it is the file's
 */
export function playedStage(
  configuration?: (providerUrl: string) => Configuration,
  begin?: (stage: Stage) => Promise<void>,
): Stage {
  let stage: Stage | undefined
  before(async () => {
    const [provider, scratch] = await Promise.all([playProvider(), makeScratch()])
    stage = { provider, scratch, config: scratch.file('config.yaml') }
    if (configuration !== undefined) await writeFile(stage.config, configText(configuration(provider.url)))
    await begin?.(stage)
  })
  after(async () => {
    await stopGateways()
    await stage?.provider.close()
    await stage?.scratch.remove()
  })
  const current = (): Stage => {
    if (stage === undefined) throw new Error('the stage is set up by a hook, which has not run yet')
    return stage
  }
  return {
    get provider() {
      return current().provider
    },
    get scratch() {
      return current().scratch
    },
    get config() {
      return current().config
    },
  }
}
