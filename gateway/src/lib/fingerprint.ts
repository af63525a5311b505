/**
 * 32 bits of a text, the same in every process and version: they are kept in stores. FNV-1a over UTF-16 units, then mixed (MurmurHash3's
 * last step). For finding, not for proving: two of four billion texts may share one.
 */
export function fingerprint(text: string): number {
  let bits = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) bits = Math.imul(bits ^ text.charCodeAt(at), 0x01000193)
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
