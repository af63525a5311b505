import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'

const counterDigits = 12

/**
 * Makes ids in the shape of a UUID: 80 bits drawn once per process, then a counter. Unique without drawing randomness for each
 * call; not secret. Counted in bytes, because text that is put together from two is written down at half the speed.
 */
export function createIds(): () => string {
  const drawn = randomBytes(10).toString('hex')
  const prefix = `${drawn.slice(0, 8)}-${drawn.slice(8, 12)}-4${drawn.slice(13, 16)}-8${drawn.slice(17, 20)}-`
  const digits = Buffer.from(prefix + '0'.repeat(counterDigits), 'latin1')
  return () => {
    countUp(digits)
    return digits.toString('latin1')
  }
}

const nine = 0x39
const a = 0x61
const f = 0x66
const zero = 0x30

/** Hexadecimal digits, as far as they go on to the left. */
function countUp(digits: Buffer): void {
  for (let at = digits.length - 1; at >= 0; at -= 1) {
    const digit = digits[at] ?? zero
    if (digit !== f) {
      digits[at] = digit === nine ? a : digit + 1
      return
    }
    digits[at] = zero
  }
}
