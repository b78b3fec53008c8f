import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { run } from './process-harness.ts'
import {
  formatWithKafka,
  formatWithMillrace,
  killNodes,
  type NodeFiles,
  type RunningNode,
  serverProperties,
  startKafka,
  startMillrace,
} from './server-properties-harness.ts'
import { codecs, compressible, storedCodecs } from './stored-batches-harness.ts'

const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'
const directory = mkdtempSync(join(tmpdir(), 'millrace-properties-'))

afterEach(killNodes)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Lines of its log that tell of something wrong. */
const complaints = ({ output }: RunningNode) =>
  output()
    .split('\n')
    .filter(line => / (ERROR|FATAL) |[Cc]orrupt/.test(line))
const lines = (text: string) => text.split('\n').slice(0, -1)

/** What a user has on a node, whichever broker runs it: records of every codec and a group that has read some of them. */
class Journal {
  readonly node: NodeFiles
  readonly #records: string[] = []
  #unread: string[] = []

  constructor(node: NodeFiles) {
    this.node = node
  }

  #kcat(args: string, input = '') {
    return run('kcat', ['-b', this.node.bootstrapServers, ...args.split(' ')], { input })
  }

  /** Two records of each codec. */
  async write(by: string): Promise<void> {
    for (const codec of codecs) {
      const records = [0, 1].map(i => `${by}-${codec}-${i}:${compressible(`${by} ${codec} ${i}`)}`)
      const args = `-P -t journal -p 0 -z ${codec} -K: -H by=${by} -X enable.idempotence=true`
      await this.#kcat(args, records.map(record => `${record}\n`).join(''))
      const lines = records.map(record => `${record}|by=${by}`)
      this.#records.push(...lines)
      this.#unread.push(...lines)
    }
  }

  /** Reads in the group what it has not read yet, and commits. */
  async read(): Promise<void> {
    const { stdout } = await this.#kcat('-G readers -e -q -X auto.offset.reset=earliest -f %k:%s|%h\\n journal')
    expect(lines(stdout)).toEqual(this.#unread)
    this.#unread = []
  }

  /** Everything is there, at its offset. */
  async check(): Promise<void> {
    const { stdout } = await this.#kcat('-C -t journal -p 0 -e -q -f %o|%k:%s|%h\\n')
    expect(lines(stdout)).toEqual(this.#records.map((record, offset) => `${offset}|${record}`))
    const { topics } = JSON.parse((await this.#kcat('-L -J')).stdout)
    expect(topics.map(({ topic }: { topic: string }) => topic).sort()).toEqual(['__consumer_offsets', 'journal'])
    expect(storedCodecs(this.node.dataDirectory, 'journal')).toEqual(codecs)
  }

  /** One broker's turn: it finds what the others left, and goes on. */
  async turn(by: string): Promise<void> {
    if (this.#records.length > 0) await this.check()
    await this.read().catch(error => {
      throw new Error(`the group under ${by}: ${error.message}`)
    })
    await this.write(by)
  }
}

async function stopped(node: RunningNode): Promise<RunningNode> {
  // Java answers SIGTERM with 143 after its shutdown hooks.
  expect([0, 143]).toContain(await node.stop())
  return node
}

describe("Apache Kafka's server.properties", () => {
  test('starts our node; Apache Kafka goes on with what it wrote, and our node with that', async () => {
    const node = await serverProperties(directory, 'ours', 'standalone')
    expect((await formatWithMillrace(clusterId, node, '--standalone')).stdout).toBe(
      `Formatted ${node.dataDirectory} for cluster ${clusterId}\n`,
    )
    const journal = new Journal(node)

    const first = await startMillrace(node)
    expect(first.output()).not.toMatch(/config\.unknown/)
    expect(complaints(first)).toEqual([])
    await journal.write('first')
    await journal.read()
    await journal.write('unread')
    await stopped(first)

    const kafka = await startKafka(node)
    await journal.turn('kafka')
    await stopped(kafka)
    expect(kafka.output()).toMatch(/Skipping recovery of 4 logs .* since clean shutdown file was found/)
    expect(complaints(kafka)).toEqual([])
    // It need not wait for a session of ours to end.
    expect(kafka.output()).not.toContain('DuplicateBrokerRegistration')

    const last = await startMillrace(node)
    await journal.turn('last')
    await journal.check()
    await stopped(last)
    expect(complaints(last)).toEqual([])
  })

  test('formatted and used by Apache Kafka: our node goes on after a kill, and Apache Kafka after our kill', async () => {
    const node = await serverProperties(directory, 'theirs', 'static')
    await formatWithKafka(clusterId, node)
    const journal = new Journal(node)

    const first = await startKafka(node)
    await journal.write('kafka')
    await journal.read()
    await journal.write('unread')
    await first.kill()

    const ours = await startMillrace(node)
    await journal.turn('ours')
    await ours.kill()

    const last = await startKafka(node)
    await journal.turn('last')
    await journal.check()
    await stopped(last)
    expect(complaints(last)).toEqual([])
  })
})
