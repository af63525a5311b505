import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { brokenRules, readImports, type SourceFile } from './import-rules.ts'

const root = fileURLToPath(new URL('../src', import.meta.url))

const sources = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => {
    const path = relative(root, `${entry.parentPath}${sep}${entry.name}`).replaceAll(sep, '/')
    return { path, text: readFileSync(`${entry.parentPath}${sep}${entry.name}`, 'utf8') }
  })

function withImport(path: string, line: string): readonly string[] {
  const file: SourceFile = { path, imports: readImports(path, line) }
  return brokenRules([file])
}

test('no file imports across a wall', () => {
  assert.ok(sources.length > 50, 'the sources were found')
  const files = sources.map(({ path, text }) => ({ path, imports: readImports(path, text) }))
  assert.deepEqual(brokenRules(files), [])
})

test('a broken import rule is named with the file and the import', () => {
  assert.deepEqual(withImport('core/chat.ts', `import { route } from '../calls/route.ts'`), [
    'rule 1, core may import from lib: core/chat.ts imports calls/route.ts',
  ])
  assert.deepEqual(withImport('lib/json.ts', `import type { Usage } from '../core/usage.ts'`), [
    'rule 1, lib may import from nowhere: lib/json.ts imports core/usage.ts',
  ])
  assert.deepEqual(withImport('dialects/gemini/events.ts', `import { x } from '../openai-chat/events.ts'`), [
    'rule 2, siblings on a shelf do not import each other: dialects/gemini/events.ts imports dialects/openai-chat/events.ts',
  ])
  assert.deepEqual(withImport('config/kinds/deployment.ts', `import { openai } from '../../providers/openai.ts'`), [
    'rule 3, a kind imports nothing of a shelf but its index: config/kinds/deployment.ts imports providers/openai.ts',
  ])
  assert.deepEqual(withImport('calls/route.ts', `import { prepare } from '../config/prepare.ts'`), [
    'rule 4, calls may import types only from config: calls/route.ts imports config/prepare.ts',
  ])
  assert.deepEqual(withImport('calls/route.ts', `import type { Slot } from '../config/slot.ts'`), [
    'rule 5, only the server and the reconcile loop touch the slot: calls/route.ts imports config/slot.ts',
  ])
  assert.deepEqual(withImport('api/route.ts', `import { createApp } from '../app.ts'`), [
    'rule 7, nobody imports the composition root or the command line: api/route.ts imports app.ts',
  ])
  assert.deepEqual(withImport('wiring/routes.ts', `import type { App } from '../app.ts'`), [
    'rule 7, the parts do not know the whole: wiring/routes.ts imports app.ts',
  ])
})

test('environment variables are read by commands only, and handed on', () => {
  const readers = sources.filter(({ path, text }) => text.includes('process.env') && !path.endsWith('.test.ts'))
  assert.deepEqual(
    readers.map(({ path }) => path).filter((path) => !path.startsWith('cli/')),
    [],
  )
})

test('nothing is imported dynamically: no name in a configuration can become code', () => {
  const late = 'lib/late-package.ts'
  const dynamic = sources.filter(({ text }) => /\bimport\(|\beval\(|new Function\(|\brequire\(/.test(text))
  assert.deepEqual(
    dynamic.map(({ path }) => path),
    [late],
  )
  const calls = dynamic.flatMap(({ text }) => text.match(/\b(?:import|require)\(.*/g) ?? [])
  for (const call of calls) assert.match(call, /^\w+\('[\w-]+'\)/)
})

test('every file of a shelf is on its list', () => {
  for (const shelf of ['strategies', 'providers']) {
    const list = sources.find(({ path }) => path === `${shelf}/index.ts`)?.text ?? ''
    const listed = new Set(readImports(`${shelf}/index.ts`, list).map(({ target }) => target))
    const declaring = sources.filter(
      ({ path, text }) =>
        path.startsWith(`${shelf}/`) && /^export const \w+: (?:readonly )?(?:Strategy|Provider)\b/m.test(text),
    )
    assert.deepEqual(
      declaring.filter(({ path }) => !listed.has(path) && !path.endsWith('/index.ts')).map(({ path }) => path),
      [],
    )
  }
})
