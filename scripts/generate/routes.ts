import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DescribedRoute } from '../../gateway/src/api/openapi.ts'
import { createApp } from '../../gateway/src/app.ts'
import { readBootOptions } from '../../gateway/src/boot.ts'

/** Every route of a gateway that is wired and never started, by what it is about. */
export async function routesPage(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'midflight-routes-'))
  const silent = () => undefined
  const boot = readBootOptions({ dataDir }, { LITELLM_MASTER_KEY: 'sk-reference' })
  const { routes } = await createApp(boot, { debug: silent, info: silent, warn: silent, error: silent })
  rmSync(dataDir, { recursive: true, force: true })
  const managed = routes.filter(({ declared }) => declared !== undefined)
  const others = routes.filter(({ declared, method }) => declared === undefined && method !== 'OPTIONS')
  const tags = [...new Set(managed.map(({ declared }) => declared?.tag ?? ''))].sort()
  return `
# Routes

Made from the routes that answer; the same as OpenAPI 3.1, with every field, at \`/openapi.json\` of a running gateway.
"Who" is who is let in at all; whose rows a caller may see or change is decided row by row. Routes that change something also take
\`If-Match\`, \`Idempotency-Key\`, \`?dry_run=true\` and \`?wait=all&timeout=5s\`.
${tags
  .map((tag) =>
    section(
      tag,
      managed.filter(({ declared }) => declared?.tag === tag),
    ),
  )
  .join('')}
## Calls, and what watches the process

| route | who |
|---|---|
${others.map((route) => `| \`${route.method} ${route.path}\` | ${who(route)} |`).join('\n')}
`
}

function section(tag: string, routes: readonly DescribedRoute[]): string {
  const rows = routes.map(
    (route) => `| \`${route.method} ${route.path}\` | ${route.declared?.summary ?? ''} | ${who(route)} |`,
  )
  return `
## ${tag}

| route | what it does | who |
|---|---|---|
${rows.join('\n')}
`
}

const everyRole = 7

function who({ access }: DescribedRoute): string {
  if (access === 'public') return 'everybody'
  if (access === 'caller' || access.length === everyRole) return 'every key'
  return access.map((role) => `\`${role}\``).join(', ')
}
