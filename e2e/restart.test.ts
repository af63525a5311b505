import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { playedModel } from './config-file.ts'
import { post } from './exchange.ts'
import { haproxyMissing, startHaproxy } from './haproxy.ts'
import { describeFailures, type LoadReport, startLoad } from './load.ts'
import { bodyOf, type LoadCall, type LoadTarget, prove } from './oracles.ts'
import { freePort, type GatewayProcess, masterKey, startGateway } from './processes.ts'
import { openRaw } from './raw-http.ts'
import { soaking, soakSeconds } from './soak.ts'
import { playedStage } from './stage.ts'
import { waitFor } from './wait.ts'

/** How long a replica goes on accepting after SIGTERM; five of HAProxy's checks fall into it. */
const noticeMs = 1_000
const drain = { MIDFLIGHT_DRAIN_NOTICE_SECONDS: String(noticeMs / 1000), MIDFLIGHT_DRAIN_MAX_SECONDS: '30' }

const stage = playedStage((url) => ({
  model_list: [
    playedModel('short', `${url}/v1`),
    playedModel('brisk', `${url}/v1`, { model: 'openai/brisk+token-delay=20' }),
    // 25 tokens of 100 ms: longer than the notice, so that every restart meets some of these on their way.
    playedModel('long', `${url}/v1`, { model: 'openai/long+token-delay=100' }),
  ],
  router_settings: { num_retries: 0, disable_cooldowns: true },
}))

describe('two replicas behind HAProxy', { skip: haproxyMissing() ?? false }, () => {
  const targets: readonly LoadTarget[] = [
    { model: 'short', kind: 'chat', stream: false },
    { model: 'short', kind: 'messages', stream: false },
    { model: 'brisk', kind: 'chat', stream: true },
    { model: 'long', kind: 'chat', stream: true },
    { model: 'brisk', kind: 'messages', stream: true },
  ]

  /** Loads two replicas while one after the other is stopped by the signal and started again, so many times. */
  async function restartUnderLoad(signal: NodeJS.Signals, restarts: number): Promise<LoadReport> {
    const ports = [await freePort(), await freePort()]
    const start = (port: number): Promise<GatewayProcess> =>
      startGateway({ config: stage.config, port, environment: drain })
    const replicas = await Promise.all(ports.map(start))
    const haproxy = await startHaproxy(ports)
    try {
      await waitFor('both replicas behind HAProxy', async () => (await fetch(`${haproxy.url}/health/readiness`)).ok)
      await sleep(500)
      const load = startLoad({ url: haproxy.url, key: masterKey, clients: 60, targets, tokens: 25, pauseMs: 30 })
      for (let restart = 0; restart < restarts; restart += 1) {
        const index = restart % ports.length
        await sleep(700)
        replicas[index]?.signal(signal)
        const exit = await replicas[index]?.exited
        if (signal === 'SIGTERM') assert.deepEqual(exit, { code: 0, signal: null }, 'a drained replica exits by itself')
        replicas[index] = await start(ports[index] ?? 0)
        // HAProxy must have seen it before the other one goes.
        await sleep(1_500)
      }
      return await load.stop()
    } finally {
      await haproxy.stop()
      for (const replica of replicas) replica.signal('SIGKILL')
    }
  }

  it('restarted one after the other fail no call and cut no stream', async (context) => {
    const restarts = 2 * (soaking ? Math.max(1, Math.floor(soakSeconds / 20)) : 1)
    stage.provider.ledger.clear()
    const report = await restartUnderLoad('SIGTERM', restarts)
    context.diagnostic(
      `${restarts} restarts, ${report.calls} calls (${report.streams} streams), ${report.idleResets} idle resets`,
    )
    assert.equal(report.failures.length, 0, describeFailures(report))
    const repeated = [...stage.provider.ledger.attemptsById.values()].filter((attempts) => attempts > 1).length
    assert.equal(repeated, 0, 'every call reached the provider once')
  })

  it('killed does fail calls: the harness sees it', async (context) => {
    const report = await restartUnderLoad('SIGKILL', 1)
    context.diagnostic(`${report.failures.length} of ${report.calls} calls failed`)
    assert.ok(report.failures.length > 0)
  })
})

describe('a replica that was told to stop', () => {
  let gateway: GatewayProcess
  const agent = new Agent({ keepAlive: true })

  const call = (model: string, id: string, stream: boolean): { call: LoadCall; reply: ReturnType<typeof post> } => {
    const asked: LoadCall = { model, kind: 'chat', stream, id, tokens: 25 }
    const headers = { authorization: `Bearer ${masterKey}` }
    return {
      call: asked,
      reply: post({ url: `${gateway.url}/v1/chat/completions`, agent, headers, body: bodyOf(asked) }),
    }
  }

  it('is not ready, alive, and serves with `connection: close` until its notice is over', async () => {
    gateway = await startGateway({ config: stage.config, environment: drain })
    const before = await call('short', 'before', false).reply
    assert.notEqual(before.headers.connection, 'close')
    gateway.signal('SIGTERM')
    const readiness = await waitFor('503', async () => {
      const response = await fetch(`${gateway.url}/health/readiness`)
      return response.status === 503 && response
    })
    assert.match(await readiness.text(), /draining|shutting/)
    assert.equal((await fetch(`${gateway.url}/health/liveliness`)).status, 200)
    const during = await call('short', 'during', false).reply
    assert.equal(during.status, 200)
    assert.equal(during.headers.connection, 'close')
    assert.deepEqual(await gateway.exited, { code: 0, signal: null })
  })

  it('finishes a stream longer than its notice, also after a second SIGTERM and a SIGINT', async () => {
    gateway = await startGateway({ config: stage.config, environment: drain })
    const stream = call('long', 'patient', true)
    await waitFor('the stream upstream', () => stage.provider.ledger.of('patient').length === 1)
    gateway.signal('SIGTERM')
    await sleep(200)
    gateway.signal('SIGTERM')
    await sleep(noticeMs)
    gateway.signal('SIGINT')
    const proof = prove(stream.call, await stream.reply)
    assert.equal(proof.problem, undefined)
    assert.deepEqual(await gateway.exited, { code: 0, signal: null })
  })

  it('does not wait for connections that never asked for anything', async () => {
    gateway = await startGateway({
      config: stage.config,
      environment: { ...drain, MIDFLIGHT_DRAIN_NOTICE_SECONDS: '0.1' },
    })
    const silent = await openRaw(gateway.port, '')
    const halfAHead = await openRaw(gateway.port, 'GET /v1/models HTTP/1.1\r\nhost:')
    gateway.signal('SIGTERM')
    const exit = await Promise.race([gateway.exited, sleep(5_000, 'still running after 5 s')])
    silent.destroy()
    halfAHead.destroy()
    assert.deepEqual(exit, { code: 0, signal: null })
  })

  it('ends what is left at the end of its patience with an in-band error', async () => {
    const environment = { MIDFLIGHT_DRAIN_NOTICE_SECONDS: '0.2', MIDFLIGHT_DRAIN_MAX_SECONDS: '1' }
    gateway = await startGateway({ config: stage.config, environment })
    const stream = call('long', 'too-long', true)
    await waitFor('the stream upstream', () => stage.provider.ledger.of('too-long').length === 1)
    gateway.signal('SIGTERM')
    const reply = await stream.reply
    assert.equal(reply.complete, true, 'the HTTP body ends in order')
    assert.match(reply.body, /"error":\{[^\n]*shut/i)
    assert.doesNotMatch(reply.body, /\[DONE\]/)
    assert.equal((await gateway.exited).signal, null)
  })
})
