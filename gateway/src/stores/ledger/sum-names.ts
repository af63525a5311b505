import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Cell } from '../../core/ledger/tally.ts'

/** Bytes. A row of sums is found by five names, and an index of PostgreSQL takes no more than 2,700 for all of them. */
const mostBytes = 500
/** Of UTF-16 units, which take three bytes of UTF-8 at most. */
const surelyFits = Math.floor(mostBytes / 3)
const keptUnits = 150

/**
 * A name as the daily sums have it. Models and end users are the callers' own text, and one row that PostgreSQL refuses would hold up
 * the rows of everybody: a name that is too long, or that no column can hold, is its beginning and a digest.
 */
export function sumName(name: string): string {
  return fits(name) ? name : digested(name)
}

function fits(name: string): boolean {
  if (name.length > surelyFits && Buffer.byteLength(name) > mostBytes) return false
  return name.isWellFormed() && !name.includes('\0')
}

function digested(name: string): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 32)
  return `${name.slice(0, keptUnits).toWellFormed().replaceAll('\0', '\ufffd')}#${digest}`
}

/** @returns the same cell where its names can stay as they are, which is nearly always */
export function withSumNames(cell: Cell): Cell {
  const { key, user, team, organization, endUser, modelGroup, provider, providerModel, tags } = cell
  const holdersFit = fits(key) && fits(user) && fits(team) && fits(organization) && fits(endUser)
  if (holdersFit && fits(modelGroup) && fits(provider) && fits(providerModel) && tags.every(fits)) return cell
  return {
    ...cell,
    ...{ key: sumName(key), user: sumName(user), team: sumName(team), organization: sumName(organization) },
    ...{ endUser: sumName(endUser), modelGroup: sumName(modelGroup), provider: sumName(provider) },
    ...{ providerModel: sumName(providerModel), tags: tags.map(sumName) },
  }
}
