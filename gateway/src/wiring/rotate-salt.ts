import type { BootOptions } from '../boot.ts'
import type { Log } from '../lib/log.ts'
import { bootKey } from '../master-key.ts'
import { openStore } from '../stores/open.ts'
import { type Rotation, rotateSeal } from '../stores/rotate.ts'
import { openDeclarations, openInputs, variable } from './inputs.ts'
import { storeOptions } from './store.ts'

/**
 * Seals all that is stored with today's salt key; gateways may run meanwhile. What an earlier one sealed opens as at a start.
 * @throws GatewayError `store_unavailable`
 */
export async function rotateSalt(boot: BootOptions, log: Log): Promise<Rotation> {
  const inputs = openInputs(boot)
  try {
    const key = await bootKey(await variable(inputs, 'LITELLM_MASTER_KEY'), boot.dataDirectory)
    const source = openDeclarations(boot, inputs)
    const { store, database, seal } = openStore(await storeOptions(boot, { inputs, source, key, log }))
    try {
      await store.start()
      return await rotateSeal(database, seal)
    } finally {
      await store.stop()
      await source.stop()
    }
  } finally {
    await inputs.stop()
  }
}
