import { ErrorCode } from '@millrace/protocol'
import { silentLogger } from '@millrace/runtime'
import { expect, test } from 'vitest'
import { readBrokerConfig } from '../config/broker-config.ts'
import type { BrokerServices } from '../services.ts'
import { VirtualClock } from '../testing/group-scenario.ts'
import { autoCreateTopics } from './auto-create-topics.ts'

/** A broker whose controller answers when the test says so, and whose metadata follow when it says so. */
function setUp() {
  const clock = new VirtualClock()
  const known = new Set<string>()
  const listeners = new Set<() => void>()
  const requests: any[] = []
  const answers: ((codes: Record<string, number>) => void)[] = []
  const texts = {
    'process.roles': 'broker',
    'node.id': '1',
    listeners: 'PLAINTEXT://:9092',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.quorum.voters': '2@h:9093',
    'num.partitions': '4',
    'default.replication.factor': '3',
  }
  const services = {
    world: { clock },
    logger: silentLogger,
    config: readBrokerConfig(new Map(Object.entries(texts)), silentLogger),
    metadata: {
      topic: (name: string) => (known.has(name) ? {} : undefined),
      subscribe: (listener: () => void) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    controller: {
      request: (_api: unknown, _version: number, request: any) => {
        requests.push(request)
        return new Promise(resolve =>
          answers.push(codes =>
            resolve({
              topics: request.topics.map(({ name }: { name: string }) => ({
                name,
                errorCode: codes[name] ?? 0,
                errorMessage: null,
              })),
            }),
          ),
        )
      },
    },
  } as unknown as BrokerServices
  const arrive = (name: string) => {
    known.add(name)
    for (const listener of listeners) listener()
  }
  return { clock, services, requests, answers, arrive, listeners }
}

const settled = () => new Promise(resolve => setImmediate(resolve))

test('a topic has the partitions and replicas of this broker’s configuration, and is answered when its metadata are here', async () => {
  const { clock, services, requests, answers, arrive, listeners } = setUp()
  const created = autoCreateTopics(['t'], services)
  expect(requests[0].topics[0]).toMatchObject({ name: 't', numPartitions: 4, replicationFactor: 3 })
  answers[0]!({})
  await settled()
  arrive('t')
  expect([...(await created)]).toEqual([])
  expect([listeners.size, clock.pending]).toEqual([0, 0])
})

test('many that ask at the same time cause one request; a controller that is away holds nobody up', async () => {
  const { clock, services, requests, answers, arrive } = setUp()
  const first = autoCreateTopics(['t'], services)
  const second = autoCreateTopics(['t', 'u'], services)
  expect(requests.map(({ topics }) => topics.map(({ name }: { name: string }) => name))).toEqual([['t'], ['u']])
  clock.pass(2_000)
  expect([...(await first)]).toEqual([['t', ErrorCode.LEADER_NOT_AVAILABLE]])
  expect([...(await second).keys()].sort()).toEqual(['t', 'u'])
  const third = autoCreateTopics(['t'], services)
  expect(requests).toHaveLength(2)
  answers[0]!({ t: ErrorCode.TOPIC_ALREADY_EXISTS })
  await settled()
  arrive('t')
  expect([...(await third)]).toEqual([])
  // Afterwards it may be created again.
  void autoCreateTopics(['t'], services)
  expect(requests).toHaveLength(3)
})
