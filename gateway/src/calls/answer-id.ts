const headBytes = 256
const firstId = /"id"\s*:\s*"([\x20\x21\x23-\x5b\x5d-\x7e]{1,128})"/

/**
 * The id of an answer, or of a stream in one of its first events, in the words that the caller is sent. In every dialect it stands near
 * the beginning, before whatever else has an id. @returns '' where there is none
 */
export function answerIdIn(bytes: Buffer | string): string {
  const head = typeof bytes === 'string' ? bytes.slice(0, headBytes) : bytes.toString('latin1', 0, headBytes)
  return firstId.exec(head)?.[1] ?? ''
}
