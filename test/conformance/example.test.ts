import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Admin, Consumer, Producer } from '@millrace/client'
import { avro, defineSchema } from '@millrace/schema-registry'
import { startCluster } from '@millrace/testkit'
import { expect, it } from 'vitest'

const hour = Date.UTC(2001, 0, 1, 12)

it('the pipeline of the README runs word for word, but for the addresses, and totals by state and hour', async () => {
  await using cluster = await startCluster({ registry: true })
  const { bootstrapServers } = cluster
  const registry = cluster.registryUrl!
  const admin = new Admin({ bootstrapServers })
  await admin.createTopics(
    ['airports', 'flights', 'delays-by-state'].map(topic => ({ topic, partitions: 2, replicationFactor: 1 })),
  )
  const airport = avro(defineSchema({ type: 'record', name: 'Airport', fields: [{ name: 'state', type: 'string' }] }), {
    registry,
  })
  const flight = avro(defineSchema({ type: 'record', name: 'Flight', fields: [{ name: 'delay', type: 'int' }] }), { registry })
  await airport.prepare!('airports', 'value')
  await flight.prepare!('flights', 'value')
  const producer = new Producer({ bootstrapServers })
  for (const [code, state] of [
    ['SFO', 'CA'],
    ['LAX', 'CA'],
    ['JFK', 'NY'],
  ] as const) {
    await producer.send({ topic: 'airports', key: code, value: airport.serialize('airports', { state }), timestamp: hour - 1 })
  }
  for (const [origin, delay, minute] of [
    ['SFO', 10, 1],
    ['LAX', 20, 2],
    ['SFO', -5, 3],
    ['JFK', 7, 4],
    ['ZZZ', 99, 5],
    ['JFK', 1, 61],
  ] as const) {
    await producer.send({
      topic: 'flights',
      key: origin,
      value: flight.serialize('flights', { delay }),
      timestamp: hour + minute * 60_000,
    })
  }

  // Beside the example, so that its imports resolve as in the example's own folder.
  const file = resolve('examples/src', `readme-${process.pid}.tmp.ts`)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-readme-'))
  const code = readFileSync('examples/src/delays.ts', 'utf8')
  writeFileSync(file, code.replace('localhost:9092', bootstrapServers).replace('http://localhost:8081', registry))
  const child = spawn(process.execPath, [file], { cwd: folder, stdio: 'inherit', env: { PATH: process.env.PATH } })
  const ended = new Promise<number | null>(done => child.once('exit', done))
  try {
    const results = await read(bootstrapServers, 3)
    expect(results).toEqual({
      [`CA@${hour}`]: { flights: 2, delay: 30 },
      [`NY@${hour}`]: { flights: 1, delay: 7 },
      [`NY@${hour + 3_600_000}`]: { flights: 1, delay: 1 },
    })
    child.kill('SIGINT')
    expect(await ended).toBe(0)
  } finally {
    child.kill('SIGKILL')
    rmSync(file, { force: true })
    rmSync(folder, { recursive: true, force: true })
    await producer.close()
    await admin.close()
  }
})

/** The last value of each windowed key, once there are `count` keys. */
async function read(bootstrapServers: string, count: number): Promise<Record<string, unknown>> {
  const consumer = new Consumer({ bootstrapServers, autoOffsetReset: 'earliest' })
  consumer.assign([0, 1].map(partition => ({ topic: 'delays-by-state', partition })))
  const rows: Record<string, unknown> = {}
  for (let attempt = 0; attempt < 300 && Object.keys(rows).length < count; attempt++) {
    for (const batch of await consumer.poll(200)) {
      const records = batch.records()
      while (records.next()) {
        const key = Buffer.from(records.key()!)
        const name = `${key.subarray(0, -8).toString()}@${key.readBigInt64BE(key.length - 8)}`
        rows[name] = JSON.parse(Buffer.from(records.value()!).toString())
      }
    }
  }
  await consumer.close()
  return rows
}
