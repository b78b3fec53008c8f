import { type AlterPartitionRequest, ErrorCode, KafkaError } from '@millrace/protocol'
import { silentLogger } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { expect, test } from 'vitest'
import type { IsrAnswer, IsrProposal } from '../partition/replica-environment.ts'
import type { ControllerClient } from '../services.ts'
import { IsrProposals } from './isr-proposals.ts'

function setUp(answer: (request: AlterPartitionRequest) => number | 'silence' = () => 0) {
  const universe = new SimulatedUniverse(1)
  const world = universe.machine('broker').boot()
  const requests: AlterPartitionRequest[] = []
  const controller = {
    request: async (_api: unknown, _version: number, request: AlterPartitionRequest) => {
      requests.push(request)
      await new Promise<void>(resolve => world.clock.timer(10, resolve))
      const errorCode = answer(request)
      if (errorCode === 'silence') throw new KafkaError(ErrorCode.NOT_CONTROLLER)
      const topics = request.topics.map(({ topicId, partitions }) => ({
        topicId,
        partitions: partitions.map(({ partitionIndex, leaderEpoch, partitionEpoch, newIsrWithEpochs }) => ({
          partitionIndex,
          errorCode,
          leaderId: 1,
          leaderEpoch,
          isr: newIsrWithEpochs.map(({ brokerId }) => brokerId),
          leaderRecoveryState: 0,
          partitionEpoch: partitionEpoch + 1,
        })),
      }))
      return { throttleTimeMs: 0, errorCode: 0, topics }
    },
  } as unknown as ControllerClient
  const proposals = new IsrProposals({ world, logger: silentLogger, nodeId: 1, brokerEpoch: () => 7, controller })
  const heard: string[] = []
  const propose = (partition: number, again: (answer: IsrAnswer) => boolean = () => false) => {
    const state = { isCurrent: true }
    const proposal: IsrProposal = {
      topic: 't',
      topicId: 'dDAAAAAAAAAAAAAAAAAAAA',
      partition,
      leaderEpoch: 3,
      partitionEpoch: 4,
      isr: [{ brokerId: 1, brokerEpoch: 7 }],
      leaderRecoveryState: 0,
      isCurrent: () => state.isCurrent,
      answered: answer => {
        heard.push(`${partition}: ${answer.errorCode}`)
        return again(answer)
      },
    }
    proposals.add(proposal)
    return state
  }
  const asked = () => requests.map(({ topics }) => topics.flatMap(topic => topic.partitions.map(each => each.partitionIndex)))
  return { universe, proposals, propose, heard, requests, asked }
}

test('what comes in one tick goes out in one request, and what comes meanwhile in the next', async () => {
  const { universe, propose, asked, heard, requests } = setUp()
  propose(0)
  propose(1)
  await universe.scheduler.run({ untilMs: 5 })
  propose(2)
  propose(3)
  await universe.scheduler.run({ untilMs: 100 })
  expect(asked()).toEqual([
    [0, 1],
    [2, 3],
  ])
  expect(heard).toEqual(['0: 0', '1: 0', '2: 0', '3: 0'])
  expect(requests[0]).toMatchObject({ brokerId: 1, brokerEpoch: 7 })
})

test('a controller that does not answer is asked again, but not for what has become pointless', async () => {
  let answers = 0
  const { universe, propose, asked } = setUp(() => (answers++ < 2 ? 'silence' : 0))
  propose(0)
  const second = propose(1)
  await universe.scheduler.run({ untilMs: 30 })
  second.isCurrent = false
  await universe.scheduler.run({ untilMs: 1000 })
  expect(asked()).toEqual([[0, 1], [0], [0]])
})

test('an answer that the leader wants asked again is, unless it has a newer wish', async () => {
  const { universe, propose, asked } = setUp(() => ErrorCode.NOT_CONTROLLER)
  let tries = 0
  propose(0, () => ++tries < 3)
  await universe.scheduler.run({ untilMs: 1000 })
  expect(asked()).toEqual([[0], [0], [0]])
})

test('nothing is asked after the end', async () => {
  const { universe, proposals, propose, asked } = setUp()
  propose(0)
  proposals.close()
  await universe.scheduler.run({ untilMs: 1000 })
  expect(asked()).toEqual([])
})
