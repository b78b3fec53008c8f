import { type AssignReplicasToDirsRequest, ErrorCode, KafkaError } from '@millrace/protocol'
import { silentLogger } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { expect, test } from 'vitest'
import type { ControllerClient } from '../services.ts'
import { DirectoryAssignments } from './directory-assignments.ts'

function setUp(codeOf: (partition: number, tries: number) => number, top: () => number = () => 0) {
  const universe = new SimulatedUniverse(1)
  const world = universe.machine('broker').boot()
  const sent: string[][] = []
  const controller = {
    request: async (_api: unknown, _version: number, { directories }: AssignReplicasToDirsRequest) => {
      sent.push(
        directories.flatMap(({ id, topics }) =>
          topics.flatMap(({ partitions }) => partitions.map(({ partitionIndex }) => `${partitionIndex} in ${id}`)),
        ),
      )
      const errorCode = top()
      if (errorCode === ErrorCode.NOT_CONTROLLER) throw new KafkaError(errorCode)
      return {
        throttleTimeMs: 0,
        errorCode,
        directories: directories.map(({ id, topics }) => ({
          id,
          topics: topics.map(({ topicId, partitions }) => ({
            topicId,
            partitions: partitions.map(({ partitionIndex }) => ({
              partitionIndex,
              errorCode: codeOf(partitionIndex, sent.length),
            })),
          })),
        })),
      }
    },
  } as unknown as ControllerClient
  const assignments = new DirectoryAssignments({ world, logger: silentLogger, nodeId: 1, brokerEpoch: () => 5, controller })
  const add = (partition: number, directory: string) => assignments.add({ topicId: 'id', partition }, directory)
  return { universe, add, sent }
}

test('replicas of one tick are told of in one request, the last word of each', async () => {
  const { universe, add, sent } = setUp(() => 0)
  add(0, 'a')
  add(1, 'a')
  add(0, 'b')
  await universe.scheduler.run({ untilMs: 60_000 })
  expect(sent).toEqual([['0 in b', '1 in a']])
})

test('what the controller does not take is told again, later and later, unless the partition has gone', async () => {
  const { universe, add, sent } = setUp((partition, tries) => {
    if (partition === 1) return ErrorCode.UNKNOWN_TOPIC_ID
    return tries < 3 ? ErrorCode.UNKNOWN_SERVER_ERROR : 0
  })
  add(0, 'a')
  add(1, 'a')
  await universe.scheduler.run({ untilMs: 60_000 })
  expect(sent).toEqual([['0 in a', '1 in a'], ['0 in a'], ['0 in a']])
})

test('a controller that is lost is asked again; one without directories is not', async () => {
  let tries = 0
  const lost = setUp(
    () => 0,
    () => (tries++ < 1 ? ErrorCode.NOT_CONTROLLER : 0),
  )
  lost.add(0, 'a')
  await lost.universe.scheduler.run({ untilMs: 60_000 })
  expect(lost.sent).toHaveLength(2)
  const old = setUp(
    () => 0,
    () => ErrorCode.UNSUPPORTED_VERSION,
  )
  old.add(0, 'a')
  await old.universe.scheduler.run({ untilMs: 60_000 })
  expect(old.sent).toHaveLength(1)
})
