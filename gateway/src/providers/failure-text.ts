import { withoutSecrets } from '../core/secret-text.ts'

/** Longest text of a provider that is passed on, in UTF-16 units. */
export const maxFailureText = 2000

/** A page of markup is read no further than this: what it says is said at its start. */
const maxMarkup = 8192

/** A provider's text as callers and logs may see it: one line's worth of spaces, no markup, no keys, at most 2,000 characters. */
export function failureText(text: string): string {
  const plain = looksLikeMarkup(text) ? withoutMarkup(text) : text
  return shortened(withoutSecrets(plain.trim()))
}

function looksLikeMarkup(text: string): boolean {
  return /^\s*(<!doctype|<html|<head|<body|<\?xml)/i.test(text.slice(0, 256))
}

/** Title and visible text of an error page, such as a proxy's own 502. */
function withoutMarkup(text: string): string {
  return text
    .slice(0, maxMarkup)
    .replace(/<(script|style)\b.*?<\/\1>/gis, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&nbsp;/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#0?39;/g, "'")
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
}

function shortened(text: string): string {
  if (text.length <= maxFailureText) return text
  const cut = text.slice(0, maxFailureText - 1)
  // Half of a surrogate pair at the cut would be no character.
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`
}
