import { Command } from 'commander'
import { rotateSaltKey } from './cli/keys.ts'
import { reload } from './cli/reload.ts'
import { addServeOptions, serve } from './cli/serve.ts'
import { status } from './cli/status.ts'
import { validate } from './cli/validate.ts'
import { version } from './lib/version.ts'

const program = new Command('midflight')
  .description('The LLM gateway you can change in mid-flight')
  .version(version)
  .enablePositionalOptions()

addServeOptions(program.command('serve', { isDefault: true }).description('run the gateway (default)')).action(serve)

program
  .command('validate')
  .description('check a config file; prints all problems, exits 1 if it would be refused')
  .argument('<file>')
  .option('--env-file <file>', 'environment file for os.environ/ references')
  .action(validate)

const remote = (command: Command) =>
  command
    .option('--url <url>', 'of the running gateway; default MIDFLIGHT_URL, else http://localhost:4000')
    .option('--key <key>', 'master key; default LITELLM_MASTER_KEY, else the one kept in the data directory')
    .option('--data-dir <dir>', 'data directory of the running gateway, for its generated key')

remote(program.command('reload').description('make a running gateway read its configuration again; exits 1 if refused'))
  .option('--force', 'accept it even if most deployments would vanish')
  .action(reload)

remote(program.command('status').description('what a running gateway runs'))
  .option('--json', 'the answer as it is')
  .action(status)

program
  .command('keys')
  .description('the keys that seal what is stored')
  .command('rotate-salt')
  .description(
    'seal all stored secrets with LITELLM_SALT_KEY; LITELLM_SALT_KEY_PREVIOUS, parted by commas, opens older ones',
  )
  .option('--data-dir <dir>', 'data directory of the gateway; default .midflight')
  .option('--env-file <file>', 'environment file')
  .action(rotateSaltKey)

await program.parseAsync()
