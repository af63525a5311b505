/**
 * Whether the text fits a pattern in which each `*` stands for any text, also none, and every other character for itself.
 * Takes at most `pattern × text` steps, whatever the pattern: people write them, and callers write the texts.
 */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0
  let inPattern = 0
  // Where to go on when what follows the last `*` turns out not to fit: one character later.
  let star = -1
  let starAt = 0
  while (at < text.length) {
    if (pattern[inPattern] === '*') {
      star = inPattern
      starAt = at
      inPattern += 1
    } else if (pattern[inPattern] === text[at]) {
      inPattern += 1
      at += 1
    } else if (star === -1) {
      return false
    } else {
      inPattern = star + 1
      starAt += 1
      at = starAt
    }
  }
  while (pattern[inPattern] === '*') inPattern += 1
  return inPattern === pattern.length
}
