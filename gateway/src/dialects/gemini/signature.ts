import { Buffer } from 'node:buffer'

/**
 * Signatures of thinking are opaque and belong to the provider that made them: Gemini refuses Anthropic's with 400, and the
 * other way round. In the normal form those of Gemini carry its name, so that a conversation that moves between providers
 * takes each signature only to its own. On Gemini's wire they are base64 and bare; a foreign one goes to a Gemini caller wrapped
 * in base64 of its own, and comes back the same way.
 */
const ours = 'gemini:'
const wrapped = 'midflight:'
/** The base64 of `wrapped`, as far as it does not depend on what follows. */
const wrappedStart = Buffer.from(wrapped).toString('base64').slice(0, 12)

/** `thoughtSignature` of Gemini, or of a Gemini caller, in the normal form. */
export function signatureFromWire(wire: string): string {
  if (wire.startsWith(wrappedStart)) {
    const inner = Buffer.from(wire, 'base64').toString('utf8')
    if (inner.startsWith(wrapped)) return inner.slice(wrapped.length)
  }
  return ours + wire
}

/** A signature of the normal form for a Gemini caller, whoever made it. */
export function signatureForCaller(signature: string): string {
  if (signature.startsWith(ours)) return signature.slice(ours.length)
  return Buffer.from(wrapped + signature).toString('base64')
}

/** A signature of the normal form for Gemini; `undefined` when it is another provider's. */
export function signatureForGemini(signature: string | undefined): string | undefined {
  return signature?.startsWith(ours) === true ? signature.slice(ours.length) : undefined
}

/**
 * Google's own word for a call that Gemini did not make, in a conversation that comes from elsewhere: without any signature
 * a model from Gemini 3 on answers 400.
 */
export const foreignCallSignature = 'skip_thought_signature_validator'
