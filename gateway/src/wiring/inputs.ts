import type { BootOptions } from '../boot.ts'
import type { Inputs } from '../core/input.ts'
import type { ReadableSource } from '../core/resource.ts'
import { createInputs } from '../inputs/inputs.ts'
import { providers } from '../providers/index.ts'
import { createDefaultsSource } from '../sources/defaults.ts'
import { createFileSource } from '../sources/file.ts'

type Warn = (message: string) => void

/** The process's variables, its environment file, and secret files. @param warn told when something cannot be watched */
export function openInputs(boot: Pick<BootOptions, 'environment' | 'environmentFile'>, warn?: Warn): Inputs {
  return createInputs({
    environment: boot.environment,
    ...(boot.environmentFile === undefined ? {} : { environmentFile: boot.environmentFile }),
    ...(warn === undefined ? {} : { warn }),
  })
}

/** What declares resources beside the store: the file, or without one the providers whose keys are set. */
export function openDeclarations(
  boot: Pick<BootOptions, 'config' | 'maxConfigBytes'>,
  inputs: Inputs,
  warn?: Warn,
): ReadableSource {
  if (boot.config === undefined) return defaultProviders(inputs)
  return createFileSource({
    path: boot.config,
    ...(boot.maxConfigBytes === undefined ? {} : { maxBytes: boot.maxConfigBytes }),
    ...(warn === undefined ? {} : { warn }),
  })
}

function defaultProviders(inputs: Inputs): ReadableSource {
  return createDefaultsSource({
    providers: providers.map((provider) => ({
      provider: provider.name,
      variables:
        provider.keyOptional === true
          ? [...provider.environment.apiKey, ...provider.environment.apiBase]
          : provider.environment.apiKey,
      requires: provider.defaultBase === undefined ? [provider.environment.apiBase] : [],
    })),
    inputs,
  })
}

/** Of the environment or the environment file; '' is none. */
export async function variable(inputs: Inputs, name: string): Promise<string | undefined> {
  const content = await inputs.read(`env:${name}`)
  return content.found ? content.value.reveal() || undefined : undefined
}
