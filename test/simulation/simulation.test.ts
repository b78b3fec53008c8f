import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Consumer, Producer } from '@millrace/client'
import { simulate, startCluster } from '@millrace/testkit'
import { describe, expect, it } from 'vitest'

describe('the simulator', () => {
  it('plays the same seed the same way again, to the last byte on the wire and the last fault', async () => {
    const first = await simulate(42)
    const again = await simulate(42)
    expect(first.traceHash).toMatch(/^[0-9a-f]{8}$/)
    expect(again).toEqual(first)
  })

  it('plays different seeds differently, and another way with other options', async () => {
    const hashes = new Set<string>()
    for (const seed of [1, 2, 3]) hashes.add((await simulate(seed)).traceHash)
    hashes.add((await simulate(1, { safetyMs: 3000 })).traceHash)
    expect(hashes.size).toBe(4)
  })

  it('finds a dozen seeds clean, with records, faults and virtual time in them', async () => {
    let acknowledged = 0
    let faults = 0
    for (let seed = 1; seed <= 12; seed++) {
      const result = await simulate(seed)
      expect(result.failures).toEqual([])
      expect(result.virtualMs).toBeGreaterThan(result.options.safetyMs)
      acknowledged += result.acknowledged
      for (const count of result.faults.values()) faults += count
    }
    expect(acknowledged).toBeGreaterThan(1000)
    expect(faults).toBeGreaterThan(12)
  })
})

describe('npm run sim', () => {
  const sim = (...args: string[]) =>
    new Promise<{ code: number; output: string }>(resolve =>
      execFile(process.execPath, ['packages/testkit/src/bin/sim.ts', ...args], (error, stdout) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout }),
      ),
    )

  it('says how many seeds were clean, and how much was simulated', async () => {
    const { code, output } = await sim('--seeds', '2', '--from', '5')
    expect(code).toBe(0)
    expect(output).toMatch(/^2 of 2 seeds clean; [0-9.]+ virtual hours in [0-9]+ s \([0-9.]+ × real time\), [0-9,]+ acknowledged/)
  })

  it('prints a seed that fails, why, and how to replay it; the replay fails in the same way and shows what happened', async () => {
    const { code, output } = await sim('--seeds', '1', '--mutant', 'recover-one-batch-less')
    expect(code).toBe(1)
    expect(output).toMatch(/^seed 1 failed:\n {2}invariant of /)
    expect(output).toContain('0 of 1 seeds clean')
    const replay = /replay: npm run sim -- (.*)$/m.exec(output)![1]!
    const again = await sim(...replay.split(' '))
    expect(again.code).toBe(1)
    expect(again.output).toContain('nemesis')
    expect(again.output).toContain(/^seed 1 failed:\n(.*)$/m.exec(output)![1])
  })
})

describe('a cluster for tests', () => {
  it('answers a client at once, and leaves nothing behind', async () => {
    let dataDirectory: string
    {
      await using cluster = await startCluster()
      dataDirectory = cluster.dataDirectory
      expect(existsSync(dataDirectory)).toBe(true)
      expect(cluster.registryUrl).toBeUndefined()
      const { bootstrapServers } = cluster
      const producer = new Producer({ bootstrapServers })
      const sent = await producer.send({ topic: 'greetings', key: 'k', value: 'hello' })
      await producer.close()
      const consumer = new Consumer({ bootstrapServers, autoOffsetReset: 'earliest' })
      consumer.assign([{ topic: 'greetings', partition: sent.partition }])
      for await (const message of consumer.messages()) {
        expect(Buffer.from(message.value!).toString()).toBe('hello')
        break
      }
      await consumer.close()
    }
    expect(existsSync(dataDirectory)).toBe(false)
  })

  it('comes with a registry if asked', async () => {
    await using cluster = await startCluster({ registry: true })
    expect(await (await fetch(`${cluster.registryUrl}/subjects`)).json()).toEqual([])
  })
})
