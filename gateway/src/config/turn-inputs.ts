import { createHash } from 'node:crypto'
import type { InputContent, Inputs, InputUri } from '../core/input.ts'
import { referenceOf } from '../core/reference.ts'
import { Secret } from '../lib/secret.ts'

/**
 * Inputs as one turn sees them: each is read once, so that no two resources of a generation see different contents.
 * Variables that the configuration declares itself (`environment_variables`) are defaults: those of the process and of the
 * environment file come before them, as in LiteLLM, so that a deployment can replace a placeholder of its file.
 */
export class TurnInputs {
  readonly #inputs: Inputs
  readonly #variables: ReadonlyMap<string, string>
  readonly #contents = new Map<InputUri, InputContent>()
  readonly #used = new Set<InputUri>()

  /** @param variables by name; a value may itself be a reference, which then means the process's variable or a file */
  constructor(inputs: Inputs, variables: ReadonlyMap<string, string>) {
    this.#inputs = inputs
    this.#variables = variables
  }

  /** The content for a compiler. Never rejects. */
  async read(uri: InputUri): Promise<InputContent> {
    this.#used.add(uri)
    return this.observe(uri)
  }

  /** Reads it for `known` to answer. */
  async observe(uri: InputUri): Promise<InputContent> {
    const known = this.#contents.get(uri)
    if (known !== undefined) return known
    const content = await this.#observe(uri)
    this.#contents.set(uri, content)
    return content
  }

  /** What was observed in this turn, for an entry that is to be reused; `undefined` when nothing was. */
  known(uri: InputUri): InputContent | undefined {
    this.#used.add(uri)
    return this.#contents.get(uri)
  }

  /** What was asked of the outside for what is used, to be watched from now on. */
  get uris(): ReadonlySet<InputUri> {
    const outside = new Set<InputUri>()
    for (const uri of this.#used) {
      outside.add(uri)
      const declared = this.#declared(uri)
      const reference = declared === undefined ? undefined : referenceOf(declared)
      if (reference !== undefined) outside.add(reference)
    }
    return outside
  }

  async #observe(uri: InputUri): Promise<InputContent> {
    const outside = await this.#inputs.read(uri)
    const declared = this.#declared(uri)
    if (outside.found || declared === undefined) return outside
    const reference = referenceOf(declared)
    if (reference === undefined) {
      return { found: true, version: `declared:${digest(declared)}`, value: new Secret(declared) }
    }
    const content = await this.#inputs.read(reference)
    return { ...content, version: `declared:${reference}:${content.version}` }
  }

  #declared(uri: InputUri): string | undefined {
    return uri.startsWith('env:') ? this.#variables.get(uri.slice('env:'.length)) : undefined
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
