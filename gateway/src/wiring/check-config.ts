import type { BootOptions } from '../boot.ts'
import { prepare } from '../config/prepare.ts'
import { UsagePool } from '../config/usage-pool.ts'
import type { Problem } from '../core/problem.ts'
import { openPool } from '../lib/http-client/open-pool.ts'
import { openDeclarations, openInputs } from './inputs.ts'

/**
 * Reads a config file and prepares it as a start would, without serving it: connections are not opened before a call needs one.
 * @returns every problem, and whether the file would be accepted
 */
export async function checkConfig(
  path: string,
  boot: Pick<BootOptions, 'environment' | 'environmentFile' | 'maxConfigBytes'>,
): Promise<{ readonly accepted: boolean; readonly problems: readonly Problem[]; readonly deployments: number }> {
  const inputs = openInputs(boot)
  const source = openDeclarations({ ...boot, config: path }, inputs)
  const pool = new UsagePool((key, error) => process.emitWarning(`${key} did not close: ${String(error)}`))
  try {
    const layer = await source.refresh()
    const outcome = await prepare([layer], undefined, { inputs, openPool, pool })
    if (!outcome.accepted) {
      return { accepted: false, problems: [...outcome.problems.values()].flat(), deployments: 0 }
    }
    const { prepared } = outcome
    prepared.release()
    return {
      accepted: true,
      problems: [...prepared.problems.values()].flat(),
      deployments: prepared.deployments.size,
    }
  } finally {
    await source.stop()
    await inputs.stop()
    await pool.closed()
  }
}
