import { cpuSeconds, residentMiB } from '../process-figures.ts'

/** What a client must do to be measured. Values are 256 bytes, keys none, acks all, no compression. */
export interface ClientDriver {
  /** Produces `count` values, spread over the partitions in batches as the client likes best; resolves when all are acknowledged. */
  produce(bootstrap: string, topic: string, partitions: number, count: number, value: Buffer): Promise<void>
  /** Awaits `count` sends one after the other; gives the time of each, milliseconds. */
  sendOneByOne(bootstrap: string, topic: string, count: number, value: Buffer): Promise<number[]>
  /** Reads `count` records in a group, batch by batch or message by message as the client likes best, and looks at each value. */
  consume(bootstrap: string, topic: string, count: number): Promise<{ readonly sum: number; readonly ms: number }>
}

export interface ClientFigures {
  readonly producePerSecond: number
  readonly produceCpuMicros: number
  readonly consumePerSecond: number
  readonly consumeCpuMicros: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly residentMiB: number
}

const valueBytes = 256

/** Runs one driver in this process and prints its figures as one line of JSON. Arguments: bootstrap, topic, partitions, records. */
export async function runDriver(driver: ClientDriver): Promise<void> {
  const [bootstrap, topic, partitions, records] = process.argv.slice(2) as [string, string, string, string]
  const count = Number(records)
  const value = Buffer.alloc(valueBytes, 'v')
  await driver.produce(bootstrap, topic, Number(partitions), count / 10, value)
  const produceCpu = cpuSeconds(process.pid)
  const produceStart = performance.now()
  await driver.produce(bootstrap, topic, Number(partitions), count, value)
  const produceSeconds = (performance.now() - produceStart) / 1000
  const producedCpu = cpuSeconds(process.pid) - produceCpu
  const times = (await driver.sendOneByOne(bootstrap, topic, 3000, value)).slice(500).sort((a, b) => a - b)
  const consumeCpu = cpuSeconds(process.pid)
  const consumed = await driver.consume(bootstrap, topic, count)
  const consumedCpu = cpuSeconds(process.pid) - consumeCpu
  if (consumed.sum !== count * valueBytes) throw new Error(`consumed ${consumed.sum} bytes of ${count * valueBytes}`)
  const figures: ClientFigures = {
    producePerSecond: count / produceSeconds,
    produceCpuMicros: (producedCpu / count) * 1e6,
    consumePerSecond: count / (consumed.ms / 1000),
    consumeCpuMicros: (consumedCpu / count) * 1e6,
    p50Ms: times[times.length >> 1]!,
    p99Ms: times[Math.floor(times.length * 0.99)]!,
    residentMiB: residentMiB(process.pid),
  }
  console.log(JSON.stringify(figures))
  process.exit(0)
}
