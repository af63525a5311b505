import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Why scripts that use Python's `requests`, as LiteLLM's users do, cannot run here; `undefined`: they can. */
export async function pythonMissing(): Promise<string | undefined> {
  try {
    await promisify(execFile)('python3', ['-c', 'import requests'])
    return undefined
  } catch {
    return 'python3 with requests is not installed'
  }
}
