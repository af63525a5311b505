/** A URL may carry a password or a signature: only where it leads is shown. */
export function shownUrl(url: string): string {
  const parsed = URL.parse(url)
  return parsed === null ? '' : `${parsed.protocol}//${parsed.host}${parsed.pathname}`
}
