import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { appendFile, mkdir, mkdtemp, open, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { problemToLine } from '../core/problem.ts'
import type { Layer } from '../core/resource.ts'
import { createFileSource } from './file.ts'

const run = promisify(execFile)
/** A whole file is offered within 100 ms on an idle machine; the tests run beside each other. */
const soonMs = 1_500
/** What looks cut off is left alone for 2.5 s. */
const patientMs = 4_500

/** A file whose every edit can be told by the names of its models, with an end that does not change. */
function config(...names: readonly string[]): string {
  const models = names.map((name) => `  - model_name: ${name}\n    litellm_params: {model: openai/${name}}\n`)
  const end =
    'litellm_settings:\n  drop_params: true\n  request_timeout: 600\nrouter_settings:\n  num_retries: 3\n  timeout: 60\n'
  return `model_list:\n${models.join('')}${end}`
}

function namesOf(layer: Layer): readonly unknown[] {
  return layer.resources.filter(({ kind }) => kind === 'deployment').map(({ spec }) => spec.model_name)
}

/** A source of its own for every test, because most of a test is waiting and they wait beside each other. */
async function setUp(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'midflight-file-'))
  const path = join(folder, 'config.yaml')
  const source = createFileSource({ path })
  const offered: Layer[] = []
  t.after(async () => {
    await source.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function start(text: string): Promise<void> {
    await writeFile(path, text)
    await source.start((layer) => offered.push(layer))
    assert.equal(offered.length, 1)
    offered.length = 0
  }

  /** The next layer that is offered. */
  async function next(withinMs = soonMs): Promise<Layer> {
    const until = performance.now() + withinMs
    while (performance.now() < until) {
      const layer = offered.shift()
      if (layer !== undefined) return layer
      await sleep(5)
    }
    return assert.fail(`nothing was offered within ${withinMs} ms`)
  }

  async function nothingMore(duringMs = 300): Promise<void> {
    await sleep(duringMs)
    assert.deepEqual(offered.map(namesOf), [])
  }

  return { folder, path, source, offered, start, next, nothingMore }
}

describe('the file source', { concurrency: 4 }, () => {
  test('it offers what is there at the start, and the same again never', async (t) => {
    const { path, source, offered } = await setUp(t)
    await writeFile(path, config('a'))
    await source.start((layer) => offered.push(layer))
    const [first] = offered
    assert.deepEqual(first && namesOf(first), ['a'])
    assert.equal(first?.source, 'file')
    assert.equal(await source.refresh(), first)
    await utimes(path, new Date(), new Date())
    await writeFile(path, config('a'))
    await sleep(1_500)
    assert.equal(offered.length, 1)
  })

  test('a write in place, a rename, sed -i, vim and a copy with an older time are each offered once', async (t) => {
    const { path, start, next, nothingMore } = await setUp(t)
    await start(config('0'))
    const save: readonly ((text: string) => Promise<unknown>)[] = [
      (text) => writeFile(path, text),
      async (text) => {
        await writeFile(`${path}.new`, text)
        await rename(`${path}.new`, path)
      },
      async (text) => {
        await rename(path, `${path}~`)
        await writeFile(path, text)
        await unlink(`${path}~`)
      },
      async (text) => {
        await writeFile(`${path}.old`, text)
        await utimes(`${path}.old`, new Date(0), new Date(0))
        await rename(`${path}.old`, path)
      },
    ]
    for (let round = 0; round < 2; round += 1) {
      for (const [way, put] of save.entries()) {
        const name = `round-${round}-way-${way}`
        await put(config(name))
        assert.deepEqual(namesOf(await next()), [name])
      }
      await run('sed', ['-i', `s/round-${round}-way-3/sed-${round}/g`, path])
      assert.deepEqual(namesOf(await next()), [`sed-${round}`])
    }
    await nothingMore()
  })

  test('a config behind a symbolic link, and in a Kubernetes volume, is followed through five swaps', async (t) => {
    const { folder, path, source, offered, next } = await setUp(t)
    const publish = async (round: number): Promise<void> => {
      const version = join(folder, `..version_${round}`)
      await mkdir(version)
      await writeFile(join(version, 'config.yaml'), config(`swap-${round}`))
      await symlink(`..version_${round}`, join(folder, '..data_tmp'))
      await rename(join(folder, '..data_tmp'), join(folder, '..data'))
      if (round > 0) await rm(join(folder, `..version_${round - 1}`), { recursive: true })
    }
    await publish(0)
    await symlink('..data/config.yaml', path)
    await source.start((layer) => offered.push(layer))
    assert.deepEqual(namesOf(await next()), ['swap-0'])
    for (let round = 1; round <= 5; round += 1) {
      await publish(round)
      assert.deepEqual(namesOf(await next()), [`swap-${round}`])
    }
  })

  test('a file that was moved into place is whole, even without most of its lines', async (t) => {
    const { path, start, next } = await setUp(t)
    await start(config('a', 'b', 'c'))
    for (const name of ['one', 'two']) {
      await writeFile(`${path}.new`, `model_list:\n- {model_name: ${name}, litellm_params: {model: openai/x}}\n`)
      await rename(`${path}.new`, path)
      assert.deepEqual(namesOf(await next()), [name])
      await writeFile(path, config('a', 'b', 'c'))
      await next()
    }
  })

  test('a file that is deleted and slowly written again is waited for', async (t) => {
    const { path, offered, start, next } = await setUp(t)
    await start(config('a', 'b', 'c'))
    const text = config('a', 'b', 'again')
    await rm(path)
    await writeFile(path, text.slice(0, text.indexOf('  - model_name: again')))
    await sleep(1_000)
    assert.deepEqual(offered, [])
    await appendFile(path, text.slice(text.indexOf('  - model_name: again')))
    assert.deepEqual(namesOf(await next(patientMs)), ['a', 'b', 'again'])
  })

  test('a byte order mark and CRLF are taken as editors write them', async (t) => {
    const { path, start, next } = await setUp(t)
    await start(config('a'))
    await writeFile(path, `\uFEFF${config('b').replaceAll('\n', '\r\n')}`)
    const layer = await next()
    assert.deepEqual([namesOf(layer), layer.problems], [['b'], []])
  })

  test('an included file is watched, and a missing one is waited for', async (t) => {
    const { folder, path, source, start, next, nothingMore } = await setUp(t)
    await mkdir(join(folder, 'models'))
    const include = join(folder, 'models', 'more.yaml')
    await start(`include: [models/more.yaml]\n${config('main')}`)
    const refused = await source.refresh()
    assert.deepEqual(
      refused.problems.map((found) => problemToLine(found).replace(folder, '')),
      [
        'config.yaml:1:11 error include: models/more.yaml cannot be read: no such file (check that the file exists and that the gateway may read it; a configuration that was accepted before goes on serving)',
      ],
    )
    const more = (name: string) => `model_list:\n- {model_name: ${name}, litellm_params: {model: openai/x}}\n`
    await writeFile(include, more('one'))
    assert.deepEqual(namesOf(await next()), ['main', 'one'])
    await writeFile(`${include}.new`, more('two'))
    await rename(`${include}.new`, include)
    assert.deepEqual(namesOf(await next()), ['main', 'two'])
    await writeFile(path, config('main'))
    assert.deepEqual(namesOf(await next()), ['main'])
    await writeFile(include, more('three'))
    await nothingMore(1_300)
  })

  test('a slow writer is waited for: only its whole text is offered', async (t) => {
    const { path, start, next, nothingMore } = await setUp(t)
    await start(config('a', 'b', 'c'))
    const text = config('a', 'b', 'slow', 'd', 'e')
    const file = await open(path, 'w')
    for (let at = 0; at < text.length; at += 10) {
      await file.write(text.slice(at, at + 10))
      await sleep(20)
    }
    await file.close()
    assert.deepEqual(namesOf(await next(patientMs)), ['a', 'b', 'slow', 'd', 'e'])
    await nothingMore()
  })

  test('a writer that pauses for two seconds in the middle is waited for', async (t) => {
    const { path, offered, start, next } = await setUp(t)
    await start(config('a', 'b', 'c'))
    const text = config('a', 'b', 'slow')
    // At the end of a line: what is there is valid YAML with two models.
    const half = text.indexOf('  - model_name: slow')
    await writeFile(path, text.slice(0, half))
    await sleep(2_000)
    assert.deepEqual(offered, [])
    await appendFile(path, text.slice(half))
    assert.deepEqual(namesOf(await next(8_000)), ['a', 'b', 'slow'])
  })

  test('of every prefix that a writer leaves behind the offer is the old layer or a refusal', async (t) => {
    const { path, start, next, nothingMore } = await setUp(t)
    await start(config('a', 'b'))
    const text = config('a', 'edited')
    for (let length = text.length - 1; length > 0; length -= 7) {
      await writeFile(path, text.slice(0, length))
      await sleep(40)
      await writeFile(path, config('a', 'b'))
      await sleep(40)
    }
    await nothingMore()
    await writeFile(path, text)
    assert.deepEqual(namesOf(await next()), ['a', 'edited'])
  })

  test('a truncated file is offered as it is after a while, so that the guards can speak', async (t) => {
    const { path, offered, start, next } = await setUp(t)
    await start(config('a', 'b', 'c'))
    const whole = config('a', 'b', 'c')
    await writeFile(path, whole.slice(0, whole.indexOf('  - model_name: b')))
    await sleep(1_500)
    assert.deepEqual(offered, [])
    assert.deepEqual(namesOf(await next(patientMs)), ['a'])
  })

  test('who asks for a refresh is answered at once, whatever it looks like', async (t) => {
    const { path, source, offered, start } = await setUp(t)
    await start(config('a', 'b', 'c'))
    await writeFile(path, '')
    const startedAt = performance.now()
    const layer = await source.refresh()
    assert.ok(performance.now() - startedAt < 1_000)
    assert.deepEqual(
      layer.problems.map(({ code }) => code),
      ['file_empty'],
    )
    assert.equal(offered.shift(), layer)
  })

  test('a refresh sees what was written just before it, even while a change is being waited for', async (t) => {
    const { path, source, start } = await setUp(t)
    await start(config('a', 'b', 'c'))
    await writeFile(path, 'model_list:\n')
    await sleep(100)
    await writeFile(path, config('d'))
    assert.deepEqual(namesOf(await source.refresh()), ['d'])
    await writeFile(path, config('e'))
    const [one, two] = await Promise.all([source.refresh(), source.refresh()])
    assert.deepEqual([namesOf(one), one], [['e'], two])
  })

  test('a deleted file is reported after a while, and read when it is back', async (t) => {
    const { path, offered, start, next } = await setUp(t)
    await start(config('a'))
    await rm(path)
    await sleep(1_000)
    assert.deepEqual(offered, [])
    const gone = await next(patientMs)
    assert.deepEqual(gone.problems.map(problemToLine), [
      'config.yaml error: config.yaml cannot be read: no such file (check that the file exists and that the gateway may read it; a configuration that was accepted before goes on serving)',
    ])
    await writeFile(path, config('b'))
    assert.deepEqual(namesOf(await next()), ['b'])
  })

  test('a start without the file offers the reason, and the file when it comes', async (t) => {
    const { path, source, offered, next } = await setUp(t)
    await source.start((layer) => offered.push(layer))
    assert.deepEqual(
      (await next()).problems.map(({ code }) => code),
      ['file_unreadable'],
    )
    await writeFile(path, config('a'))
    assert.deepEqual(namesOf(await next()), ['a'])
  })

  test('an invalid edit is offered with its problems, and the repaired one after it', async (t) => {
    const { path, start, next } = await setUp(t)
    await start(config('a'))
    await writeFile(path, config('b').replace('drop_params: true', 'drop_params: [true'))
    const broken = await next()
    assert.deepEqual(
      broken.problems.map(({ code, origin }) => [code, origin]),
      [['yaml_invalid', 'config.yaml:6:3']],
    )
    await writeFile(path, config('b'))
    assert.deepEqual(namesOf(await next()), ['b'])
  })

  test('of a storm of edits the last one is offered', async (t) => {
    const { path, offered, start } = await setUp(t)
    await start(config('a'))
    for (let edit = 0; edit < 100; edit += 1) {
      await writeFile(`${path}.new`, config(`edit-${edit}`))
      await rename(`${path}.new`, path)
      await sleep(10)
    }
    const until = performance.now() + soonMs
    while (performance.now() < until && !offered.some((layer) => namesOf(layer).includes('edit-99'))) await sleep(5)
    assert.deepEqual(namesOf(offered.at(-1) ?? assert.fail('nothing was offered')), ['edit-99'])
  })

  test('a file above the limit is not read', async (t) => {
    const { path } = await setUp(t)
    const limited = createFileSource({ path, maxBytes: 100 })
    t.after(() => limited.stop())
    await writeFile(path, '#'.repeat(101))
    assert.deepEqual((await limited.refresh()).problems.map(problemToLine), [
      'config.yaml error: config.yaml has 101 bytes, more than the limit of 100 (split the file with `include`, or raise MIDFLIGHT_MAX_CONFIG_BYTES)',
    ])
  })

  test('it reads before it is started, for a check of the file alone', async (t) => {
    const { path, source, offered } = await setUp(t)
    await writeFile(path, config('a'))
    const layer = await source.refresh()
    assert.deepEqual(namesOf(layer), ['a'])
    await source.start((started) => offered.push(started))
    assert.deepEqual(offered, [layer])
  })

  test('stopping ends everything, also in the middle of a read', async (t) => {
    const { path, source, offered, start } = await setUp(t)
    await start(config('a'))
    await writeFile(path, config('b'))
    const reading = source.refresh()
    await source.stop()
    await reading
    await writeFile(path, config('c'))
    await sleep(300)
    assert.ok(!offered.some((layer) => namesOf(layer).includes('c')))
  })
})
