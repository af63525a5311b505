import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The end of `npm install`: starts the gateway once, with none of this machine's settings, and stops it. What Node makes of the sources is
 * kept (docs/decisions/0004), so that the first real start is as quick and as small as every later one: measured, 0.7 s instead of 1.5,
 * and 18 MB less. What fails here fails no installation; the first start is then the slower one.
 */
const program = fileURLToPath(new URL('../gateway/bin/midflight.js', import.meta.url))
const place = mkdtempSync(join(tmpdir(), 'midflight-compile-'))
const config = join(place, 'config.yaml')
const longestMs = 30_000
/** Of a file that is parsed in a thread. */
const largeBytes = 40_000

writeFileSync(config, `model_list: []\n${'#\n'.repeat(largeBytes / 2)}`)
// As `npm start` has them: what is kept depends on Node's flags.
const flags = ['--max-semi-space-size=4']
const options = ['--config', config, '--host', '127.0.0.1', '--port', '0', '--data-dir', join(place, 'data')]
// A `DATABASE_URL` of this machine is no database to be opened here.
const settings = Object.entries(process.env).filter(([name]) => /^(PATH|HOME|XDG_CACHE_HOME|SystemRoot)$/i.test(name))
const gateway = spawn(process.execPath, [...flags, program, ...options], {
  cwd: place,
  env: { ...Object.fromEntries(settings), MIDFLIGHT_DRAIN_NOTICE_SECONDS: '0' },
  stdio: ['ignore', 'pipe', 'ignore'],
})
const late = setTimeout(() => gateway.kill('SIGKILL'), longestMs)
// It prints its address when it serves.
gateway.stdout.once('data', () => gateway.kill('SIGTERM'))
gateway.on('error', () => undefined)
gateway.on('close', () => {
  clearTimeout(late)
  rmSync(place, { recursive: true, force: true })
})
