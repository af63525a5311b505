import { BootError, readBootOptions } from '../boot.ts'
import { problemToLine } from '../core/problem.ts'
import { checkConfig } from '../wiring/check-config.ts'

/** Checks a config file as a start would; prints every problem, exits 1 if it would be refused. */
export async function validate(file: string, flags: { readonly envFile?: string }): Promise<void> {
  try {
    const boot = readBootOptions(flags.envFile === undefined ? {} : { envFile: flags.envFile }, process.env)
    const { accepted, problems, deployments } = await checkConfig(file, boot)
    for (const problem of problems) process.stderr.write(`${problemToLine(problem)}\n`)
    process.stdout.write(accepted ? `${file} is valid: ${deployments} deployments\n` : `${file} would be refused\n`)
    process.exitCode = accepted ? 0 : 1
  } catch (error) {
    if (!(error instanceof BootError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
