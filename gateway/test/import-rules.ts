/** The walls between folders (ARCHITECTURE.md, "Who may import whom"). Paths are relative to `gateway/src`, with `/`. */

/** What one file imports. */
export interface SourceFile {
  readonly path: string
  readonly imports: readonly Import[]
}

export interface Import {
  /** Path of the imported file; packages are not listed. */
  readonly target: string
  readonly typeOnly: boolean
}

const importPattern = /^\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/gm

/** Reads the imports of a source text, static ones; there are no dynamic ones (checked by rule 0). */
export function readImports(path: string, text: string): readonly Import[] {
  const folder = path.split('/').slice(0, -1)
  const imports: Import[] = []
  for (const [, typeOnly, specifier = ''] of text.matchAll(importPattern)) {
    if (!specifier.startsWith('.')) continue
    imports.push({ target: resolve(folder, specifier), typeOnly: typeOnly !== undefined })
  }
  return imports
}

function resolve(folder: readonly string[], specifier: string): string {
  const parts = [...folder]
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

const shelves = ['dialects', 'providers', 'strategies', 'sources', 'inputs']

/** Folder → folders it may import from, besides itself. `type:` marks those of which only types may be imported. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  core: ['lib'],
  dialects: ['core', 'lib'],
  providers: ['core', 'lib', 'type:dialects'],
  strategies: ['core', 'lib'],
  sources: ['core', 'lib'],
  inputs: ['core', 'lib'],
  prices: ['core', 'lib'],
  state: ['core', 'lib'],
  stores: ['core', 'lib'],
  directory: ['core', 'lib'],
  replicas: ['core', 'lib'],
  ledger: ['core', 'lib'],
  config: ['core', 'lib'],
  calls: [
    'core',
    'lib',
    'type:config',
    'type:state',
    'type:dialects',
    'type:strategies',
    'type:directory',
    'type:ledger',
  ],
  api: [
    'core',
    'lib',
    'calls',
    'directory',
    'type:config',
    'type:dialects',
    'type:replicas',
    'type:stores',
    'type:ledger',
    'type:prices',
    'state',
  ],
}

/** Which folders only the application may import, and who else may. */
const slotReaders = [
  'config/slot.ts',
  'config/reconcile.ts',
  'config/reconciler.ts',
  'config/status.ts',
  'api/visit.ts',
  'app.ts',
  'wiring/config.ts',
]

/** @returns one line per broken rule, naming the rule, the file and the import */
export function brokenRules(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter((file) => !file.path.endsWith('.test.ts'))
    .flatMap((file) => file.imports.flatMap((used) => broken(file.path, used)))
}

function broken(path: string, used: Import): readonly string[] {
  const from = folderOf(path)
  const to = folderOf(used.target)
  const line = (rule: string) => [`${rule}: ${path} imports ${used.target}`]
  if (used.target.endsWith('package.json')) return []
  if (used.target === 'config/slot.ts' && !slotReaders.includes(path)) {
    return line('rule 5, only the server and the reconcile loop touch the slot')
  }
  if (from === '') return fromTop(path, used, line)
  if (from === 'wiring') {
    return used.target === 'app.ts' || to === 'cli' ? line('rule 7, the parts do not know the whole') : []
  }
  if (from === 'cli') {
    const may = from === to || ['', 'wiring', 'core', 'lib'].includes(to)
    return used.typeOnly || may ? [] : line('rule 7, commands go through app.ts')
  }
  if (to === '' || to === 'wiring' || to === 'cli') {
    return line('rule 7, nobody imports the composition root or the command line')
  }
  if (from === to) return siblings(path, used, line)
  if (path.startsWith('config/kinds/') && shelves.includes(to)) {
    return used.typeOnly || used.target === `${to}/index.ts`
      ? []
      : line('rule 3, a kind imports nothing of a shelf but its index')
  }
  const may = allowed[from] ?? []
  if (may.includes(to)) return []
  if (may.includes(`type:${to}`)) {
    return used.typeOnly ? [] : line(`rule 4, ${from} may import types only from ${to}`)
  }
  return line(`rule 1, ${from} may import from ${may.length === 0 ? 'nowhere' : may.join(', ')}`)
}

/** `main`, `app`, `boot`, `master-key`: the top of the tree. */
function fromTop(path: string, used: Import, line: (rule: string) => readonly string[]): readonly string[] {
  if (path === 'app.ts') return []
  if (path === 'main.ts' && folderOf(used.target) === 'cli') return []
  if (folderOf(used.target) === 'lib' || folderOf(used.target) === 'core') return []
  return used.typeOnly ? [] : line('rule 7, only app.ts may import everything')
}

function siblings(path: string, used: Import, line: (rule: string) => readonly string[]): readonly string[] {
  const shelf = folderOf(path)
  if (!shelves.includes(shelf) || path === `${shelf}/index.ts`) return []
  const own = path.split('/')
  const other = used.target.split('/')
  // A dialect is a folder of its own; two dialects are siblings. `openai-wire` holds what the dialects of one family share.
  if (own.length > 2 && other.length > 2 && own[1] !== other[1] && other[1]?.endsWith('-wire') !== true) {
    return line('rule 2, siblings on a shelf do not import each other')
  }
  return []
}

function folderOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : ''
}
