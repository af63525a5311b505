import type { AddressInfo } from 'node:net'
import type { BootOptions } from '../boot.ts'
import type { Verdict } from '../core/resource.ts'
import { version } from '../lib/version.ts'
import { type BootKey, masterKeyFile } from '../master-key.ts'

export interface BannerFacts {
  readonly boot: BootOptions
  readonly address: AddressInfo
  readonly verdict: Verdict
  readonly key: BootKey
  /** The configuration names the master key, so the one of the start does not count. */
  readonly configuresKey: boolean
  readonly models: readonly string[]
}

/** What a start prints for people: where it serves, with what, and a line to paste. */
export function banner(facts: BannerFacts): string {
  const { boot, address, verdict, key, configuresKey, models } = facts
  const url = `http://${isAnyAddress(address.address) ? 'localhost' : hostOf(address)}:${address.port}`
  const lines = [
    `Midflight ${version} serves ${url}`,
    `  config      ${configLine(boot, verdict)}`,
    `  models      ${models.length === 0 ? 'none yet' : shortList(models)}`,
    `  master key  ${configuresKey ? `the one of ${boot.config}` : keyLine(key, boot)}`,
  ]
  const model = models.find((name) => !name.includes('*'))
  if (model !== undefined) {
    const shown = key.from === 'generated' && !configuresKey ? key.key.reveal() : '$LITELLM_MASTER_KEY'
    const body = JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello!' }] })
    lines.push(
      '',
      shown.startsWith('$') && configuresKey ? 'Try it, with that key as LITELLM_MASTER_KEY in your shell:' : 'Try it:',
      `  curl -N ${url}/v1/chat/completions -H "Authorization: Bearer ${shown}" -H "Content-Type: application/json" -d '${body.replaceAll("'", "'\\''")}'`,
    )
  }
  return `${lines.join('\n')}\n\n`
}

function configLine(boot: BootOptions, verdict: Verdict): string {
  if (boot.config === undefined) return 'none; providers whose keys are in the environment (--config FILE to name one)'
  if (!verdict.applied && verdict.revision === 0)
    return `${boot.config} was refused, nothing serves yet; it is read again when it changes`
  if (!verdict.applied) return `${boot.config} was refused; the last accepted one serves, revision ${verdict.revision}`
  return `${boot.config}, revision ${verdict.revision}; edits are live when saved`
}

function keyLine(key: BootKey, boot: BootOptions): string {
  if (key.from === 'environment') return 'from LITELLM_MASTER_KEY'
  return `${key.key.reveal()} (generated, kept in ${masterKeyFile(boot.dataDirectory)}; a master_key in the config file replaces it)`
}

const shownModels = 8

function shortList(models: readonly string[]): string {
  const shown = models.slice(0, shownModels).join(', ')
  return models.length > shownModels ? `${shown} and ${models.length - shownModels} more` : shown
}

function isAnyAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

function hostOf(address: AddressInfo): string {
  return address.family === 'IPv6' ? `[${address.address}]` : address.address
}
