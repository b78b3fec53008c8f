import { BatchBuilder, ErrorCode, Fetch, Produce } from '@millrace/protocol'
import { type Disk, DiskError, type File, type World } from '@millrace/runtime'
import { afterEach, describe, expect, test } from 'vitest'
import { isServed, NodeUnderTest } from './node-under-test.ts'
import type { RawConnection } from './raw-connection.ts'

/** A disk whose writes to files that match fail from some moment on. */
class FailingDisk {
  fails: { code: string; paths: RegExp } | null = null

  wrap(world: World): World {
    return { ...world, disk: this.#disk(world.disk) }
  }

  #check(path: string): void {
    if (this.fails?.paths.test(path)) throw new DiskError(this.fails.code, path)
  }

  #disk(disk: Disk): Disk {
    return {
      ...disk,
      open: (path, mode) => {
        if (mode === 'write' && !disk.exists(path)) this.#check(path)
        return this.#file(disk.open(path, mode))
      },
      makeDirectory: path => {
        if (!disk.exists(path)) this.#check(path)
        disk.makeDirectory(path)
      },
    }
  }

  #file(file: File): File {
    const check = () => this.#check(file.path)
    return {
      path: file.path,
      get sizeBytes() {
        return file.sizeBytes
      },
      write: (chunks, position) => {
        check()
        file.write(chunks, position)
      },
      read: (into, position) => file.read(into, position),
      truncate: size => file.truncate(size),
      sync: async () => {
        check()
        await file.sync()
      },
      syncNow: () => {
        check()
        file.syncNow()
      },
      close: () => file.close(),
    }
  }
}

let node: NodeUnderTest
let connection: RawConnection
afterEach(async () => {
  connection.close()
  await node.stop()
})

async function setUp(): Promise<FailingDisk> {
  const disk = new FailingDisk()
  node = await NodeUnderTest.start({ world: world => disk.wrap(world), directories: ['first', 'second'] })
  // Each new log goes to the directory with the fewest.
  await node.createTopic('good')
  await node.createTopic('bad')
  connection = await node.connect()
  return disk
}

function batchOf(value: string): Uint8Array {
  const builder = new BatchBuilder({ maxBytes: 1_000_000 })
  builder.append(Date.now(), null, value)
  return builder.build()
}

async function produce(topic: string, acks = -1): Promise<number> {
  const { responses } = await connection.request(Produce, 9, {
    acks,
    timeoutMs: 5000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records: batchOf('a') }] }],
  })
  return responses[0]!.partitionResponses[0]!.errorCode
}

async function fetch(topic: string): Promise<{ errorCode: number; highWatermark: number }> {
  const { responses } = await connection.request(Fetch, 11, {
    maxWaitMs: 0,
    minBytes: 0,
    sessionEpoch: -1,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
  })
  const { errorCode, highWatermark } = responses[0]!.partitions[0]!
  return { errorCode, highWatermark }
}

describe.each(['ENOSPC', 'EROFS', 'EIO'])('a disk that fails with %s', code => {
  test.each([-1, 1])(
    'answers a storage error for the logs on it with acks=%i, in one log line, and those of the other disk go on',
    async acks => {
      const disk = await setUp()
      expect(await produce('bad', acks)).toBe(ErrorCode.NONE)
      disk.fails = { code, paths: /bad-0/ }
      const lines = node.lines.length
      expect(await produce('bad', acks)).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
      expect(await produce('bad', acks)).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
      expect(node.complaints(lines).filter(({ event }) => event === 'log-directory.offline')).toHaveLength(1)
      expect((await fetch('bad')).errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
      expect(await produce('good', acks)).toBe(ErrorCode.NONE)
      expect(await fetch('good')).toEqual({ errorCode: ErrorCode.NONE, highWatermark: 1 })
      expect(await isServed(connection)).toBe(true)
    },
  )
})

test('a topic that cannot be given a folder is there and answers a storage error; those of other directories work', async () => {
  const disk = await setUp()
  await node.createTopic('third')
  disk.fails = { code: 'ENOSPC', paths: /unlucky/ }
  await node.createTopic('unlucky')
  expect(await produce('unlucky')).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
  expect(await produce('bad')).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
  expect(await produce('good')).toBe(ErrorCode.NONE)
  await node.createTopic('later')
  expect(await produce('later')).toBe(ErrorCode.NONE)
})
