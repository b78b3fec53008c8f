import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type ClusterListing, type Maker, ProcessCluster } from './cluster-harness.ts'
import { linesOf } from './process-harness.ts'
import { codecs, compressible, storedCodecs } from './stored-batches-harness.ts'

let cluster: ProcessCluster

afterEach(() => cluster?.close())

/** Lines of a log that tell of something wrong. Apache Kafka calls an error what is none: a slow machine, a controller that is not active yet. */
const complaint = { millrace: / (ERROR|FATAL) |[Cc]orrupt/, kafka: / FATAL |[Cc]orrupt/ } as const

/** Nodes whose log is another one than that of the first, as far as both reach: replicas are equal byte by byte. */
function differences(log: string): number[] {
  const [first, ...others] = cluster.nodes.map(({ id, dataDirectory }) => ({
    id,
    bytes: readFileSync(join(dataDirectory, log, '00000000000000000000.log')),
  }))
  return others
    .filter(({ bytes }) => {
      const length = Math.min(bytes.length, first!.bytes.length)
      return length === 0 || !bytes.subarray(0, length).equals(first!.bytes.subarray(0, length))
    })
    .map(({ id }) => id)
}

/** What a user has on three nodes, whoever runs them: records of every codec on every node, and a group that has read some of them. */
class Journal {
  readonly #records: string[] = []
  #unread = 0

  /** A record of each codec, of which the cluster says that two nodes have them. */
  async write(by: string): Promise<void> {
    for (const codec of codecs) {
      const record = `${by}-${codec}:${compressible(`${by} ${codec}`)}`
      await cluster.kcat(`-P -t journal -p 0 -z ${codec} -K: -X enable.idempotence=true`, `${record}\n`)
      this.#records.push(record)
    }
  }

  /** Reads in the group what it has not read yet, and commits. */
  async read(): Promise<void> {
    const text = await cluster.kcat('-G readers -e -q -X auto.offset.reset=earliest -f %k:%s\\n journal')
    expect(linesOf(text)).toEqual(this.#records.slice(this.#unread))
    this.#unread = this.#records.length
  }

  /** Everything is there, at its offset, and on every node. */
  async check(): Promise<void> {
    await cluster.whenInSync()
    const text = await cluster.kcat('-C -t journal -p 0 -e -q -f %o:%k:%s\\n')
    expect(linesOf(text)).toEqual(this.#records.map((record, offset) => `${offset}:${record}`))
    const { topics } = JSON.parse(await cluster.kcat('-L -J')) as ClusterListing
    expect(topics.map(({ topic }) => topic).sort()).toEqual(['__consumer_offsets', 'journal'])
  }

  /** One maker's turn: it finds what the others left, and goes on. */
  async turn(maker: Maker): Promise<void> {
    await Promise.all(cluster.nodes.map(({ id }) => cluster.start(id, maker)))
    if (this.#records.length > 0) await this.check()
    await this.write(`first-${maker}-${this.#records.length}`)
    await this.read()
    await this.write(`second-${maker}-${this.#records.length}`)
    await this.check()
    for (const { id } of cluster.nodes) {
      const complaints = linesOf(cluster.output(id)).filter(line => complaint[maker].test(line))
      expect(complaints).toEqual([])
    }
    await Promise.all(cluster.nodes.map(({ id }) => cluster.stop(id)))
    for (const { dataDirectory } of cluster.nodes) expect(storedCodecs(dataDirectory, 'journal')).toEqual(codecs)
    expect(differences('journal-0')).toEqual([])
    expect(differences('__cluster_metadata-0')).toEqual([])
  }
}

describe('three server.properties start either broker', () => {
  test.each([
    ['dynamic', 'millrace', ['kafka', 'millrace']],
    ['static', 'kafka', ['millrace', 'kafka']],
  ] as const)(
    'with %s voters: formatted by %s, run by %j',
    async (quorum, formatter, turns) => {
      cluster = await ProcessCluster.make({ quorum, properties: { 'auto.create.topics.enable': 'true' } })
      for (const { id } of cluster.nodes) await cluster.format(id, formatter)
      const journal = new Journal()
      for (const maker of turns) await journal.turn(maker)
    },
    400_000,
  )
})
