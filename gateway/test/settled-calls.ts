import type { LedgerBlock } from '../src/core/ledger/block.ts'
import { type LedgerRow, lineOf } from '../src/core/ledger/row.ts'
import type { SettledCall } from '../src/core/ledger/settled-call.ts'
import { Tally } from '../src/core/ledger/tally.ts'

/** A call of nobody in particular. */
export function settledCall(changes: Partial<SettledCall> = {}): SettledCall {
  return {
    id: 'row',
    callId: 'call',
    answerId: '',
    startedAt: Date.UTC(2026, 10, 20),
    endedAt: Date.UTC(2026, 10, 20, 0, 0, 1),
    firstContentMs: undefined,
    holders: { key: '', keyAlias: '', user: '', team: '', organization: '', endUser: '' },
    requestedModel: 'gpt',
    modelGroup: 'gpt',
    deployment: 'one',
    provider: 'openai',
    providerModel: 'gpt',
    apiBase: 'https://api.example.com',
    callType: 'acompletion',
    stream: false,
    status: 200,
    errorCode: undefined,
    attempts: 1,
    fallbacks: 0,
    revision: 3,
    priceMap: 'map',
    usage: undefined,
    estimated: false,
    cost: undefined,
    breakdown: undefined,
    tags: [],
    cacheHit: false,
    clientAddress: '',
    ...changes,
  }
}

/** The block that an outbox makes of rows. */
export function blockOf(rows: readonly LedgerRow[], writer: string, number: number): LedgerBlock {
  const tally = new Tally()
  for (const row of rows) tally.add(row)
  return { writer, number, lines: Buffer.from(rows.map((row) => `${lineOf(row)}\n`).join('')), tally }
}
