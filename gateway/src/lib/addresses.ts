import { BlockList, isIP } from 'node:net'

/** IP addresses and ranges of them: `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`. An IPv4 address counts however it is written. */
export class AddressList {
  readonly #list = new BlockList()

  /** @param entries of which each is an `isAddressOrRange` */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const [address = '', bits] = entry.trim().split('/')
      const family = familyOf(address)
      if (family === undefined) continue
      if (bits === undefined) this.#list.addAddress(address, family)
      else this.#list.addSubnet(address, Number(bits), family)
    }
  }

  /** `false` for what is no address. */
  has(address: string): boolean {
    const family = familyOf(address)
    return family !== undefined && this.#list.check(address, family)
  }
}

export function isAddressOrRange(text: string): boolean {
  const [address = '', bits, more] = text.trim().split('/')
  const family = familyOf(address)
  if (family === undefined || more !== undefined) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 'ipv4' ? 32 : 128))
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  switch (isIP(address)) {
    case 4:
      return 'ipv4'
    case 6:
      return 'ipv6'
    default:
      return undefined
  }
}
