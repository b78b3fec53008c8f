import { rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ClusterListing, Maker } from './cluster-harness.ts'
import { makers } from './makers.ts'
import { linesOf, until } from './process-harness.ts'
import { startToolsCluster } from './tools-cluster.ts'

const partitions = 6
/** More than a segment: then a file has to be made where the directory was. */
const enough = 3 * 2 ** 20

interface LogDirectory {
  readonly broker: number
  readonly logDir: string
  readonly error: string | null
  readonly partitions: readonly { readonly partition: string }[]
}

describe('a disk that vanishes under one of two log directories of a node', () => {
  test.each(makers)(
    'run by %s: others lead what lay there, nothing acknowledged is lost, the rest of the node goes on',
    async (maker: Maker) => {
      const { cluster, tools } = await startToolsCluster(maker, { logDirectories: 2 })
      const [lame, sound] = [1, 2]
      const asked = ['--bootstrap-server', cluster.node(sound).bootstrapServers]
      await tools.run('topics', [
        ...asked,
        '--create',
        '--topic',
        'kept',
        '--partitions',
        `${partitions}`,
        '--config',
        'segment.bytes=1048576',
      ])
      await cluster.whenInSync()
      const directories = async () => {
        const { stdout } = await tools.run('log-dirs', [...asked, '--describe', '--broker-list', `${lame}`])
        const { brokers } = JSON.parse(linesOf(stdout).at(-1)!) as {
          brokers: { broker: number; logDirs: Omit<LogDirectory, 'broker'>[] }[]
        }
        return brokers.flatMap(({ broker, logDirs }) => logDirs.map((one): LogDirectory => ({ broker, ...one })))
      }
      const leaders = async () => {
        const { topics } = JSON.parse(
          await cluster.kcat('-L -J -t kept', '', cluster.node(sound).bootstrapServers),
        ) as ClusterListing
        return topics[0]!.partitions.map(({ leader }) => leader)
      }
      const lost = cluster.node(lame).logDirectories[1]!
      const laid = async () =>
        (await directories()).flatMap(({ logDir, partitions: logs }) =>
          logs
            .filter(({ partition }) => partition.startsWith('kept-'))
            .map(({ partition }) => ({ logDir, partition: Number(partition.slice(5)) })),
        )
      // In sync is a partition at once, with its making: the node may have no log of it yet.
      const lay = await until('a log of each partition', async () => {
        const logs = await laid()
        return logs.length === partitions ? logs : null
      })
      const gone = lay.filter(({ logDir }) => logDir === lost).map(({ partition }) => partition)
      // Half of six, as they are spread over both.
      expect(gone.length).toBeGreaterThan(0)
      expect(gone.length).toBeLessThan(partitions)

      const acknowledged: string[][] = Array.from({ length: partitions }, () => [])
      const write = async (label: string) => {
        for (let partition = 0; partition < partitions; partition++) {
          const record = `${label}-${partition}`
          await cluster.kcat(`-P -t kept -p ${partition} -X enable.idempotence=true`, `${record}\n`)
          acknowledged[partition]!.push(record)
        }
      }
      await write('before')
      rmSync(lost, { recursive: true })
      // Large values fill the segments; their delivery may have to wait for another leader.
      const filler = `${'f'.repeat(99)}\n`.repeat(enough / 100)
      for (const partition of gone)
        await cluster.kcat(`-P -t kept -p ${partition} -X enable.idempotence=true -X linger.ms=20`, filler)

      await until('other leaders', async () =>
        (await leaders()).every((leader, partition) => leader !== lame || !gone.includes(partition)),
      )
      await until('the directory to be off line', async () =>
        (await directories()).some(({ logDir, error }) => logDir === lost && error !== null),
      )
      const [first] = (await directories()).filter(({ logDir }) => logDir !== lost)
      expect(first).toMatchObject({ logDir: cluster.node(lame).logDirectories[0], error: null })
      await write('after')
      for (let partition = 0; partition < partitions; partition++) {
        const read = linesOf(await cluster.kcat(`-C -t kept -p ${partition} -e -q`)).filter(record => !record.startsWith('f'))
        expect(read).toEqual(acknowledged[partition])
      }
      // What lies in the other directory is still replicated there.
      const { topics } = JSON.parse(
        await cluster.kcat('-L -J -t kept', '', cluster.node(sound).bootstrapServers),
      ) as ClusterListing
      for (const { partition, isrs } of topics[0]!.partitions)
        expect(isrs.some(({ id }) => id === lame)).toBe(!gone.includes(partition))
    },
  )
})
