import { ErrorCode } from '@millrace/protocol'
import { DiskError, silentLogger, type World } from '@millrace/runtime'
import { describe, expect, test } from 'vitest'
import { BrokerMetrics } from '../broker-metrics.ts'
import type { MetadataChange, MetadataView, TopicMetadata } from '../services.ts'
import { Follower } from './follower.ts'
import { Leader } from './leader.ts'
import type { PartitionLog } from './partition-log.ts'
import { type PartitionName, Partitions } from './partitions.ts'
import type { ProduceRules } from './produce-rules.ts'
import { partitionOf } from './testing/partition-metadata.ts'
import { TestEnvironment } from './testing/test-environment.ts'

const ledBy = (leader: number, leaderEpoch = 0) =>
  partitionOf({ leader, leaderEpoch, replicas: [leader < 0 ? 1 : leader], isr: [leader] })
const topicOf = (name: string, topicId: string, ...leaders: number[]): TopicMetadata => ({
  name,
  topicId,
  partitions: leaders.map(leader => ledBy(leader)),
})

function setUp(...initial: TopicMetadata[]) {
  let listener: (change: MetadataChange) => void = () => {}
  const topics = new Map(initial.map(topic => [topic.name, topic]))
  const done: string[] = []
  const made: string[] = []
  const failing = new Set<string>()
  const logs = {
    open({ topic, partition }: PartitionName, isNew: boolean): PartitionLog {
      if (failing.has(topic)) throw new DiskError('EIO', topic)
      done.push(`open ${topic}-${partition}`)
      if (isNew) made.push(`${topic}-${partition}`)
      return {
        logStartOffset: 0,
        logEndOffset: 0,
        writtenOffset: 0,
        highWatermark: 0,
        startEpoch: () => {},
        write: () => {},
      } as unknown as PartitionLog
    },
    directoryIdOf: () => undefined,
    remove: ({ topic, topicId, partition }: PartitionName) => void done.push(`remove ${topic}-${partition} ${topicId}`),
    configure: (topic: string) => void done.push(`configure ${topic}`),
  }
  const environment = new TestEnvironment()
  const turns: (() => void)[] = []
  const partitions = new Partitions({
    world: { clock: { defer: (run: () => void) => void turns.push(run) } } as unknown as World,
    logger: silentLogger,
    metrics: new BrokerMetrics(),
    environment,
    metadata: {
      topics: () => topics.values(),
      topic: (name: string) => topics.get(name),
      subscribe: (given: typeof listener) => {
        listener = given
        return () => {
          listener = () => {}
        }
      },
    } as unknown as MetadataView,
    logs,
    rulesOf: () => ({ minIsr: 1 }) as ProduceRules,
  })
  const change = (given: Partial<MetadataChange>) => {
    for (const topic of given.deletedTopics ?? []) topics.delete(topic.name)
    for (const topic of given.topics ?? []) topics.set(topic.name, topic)
    listener({ topics: [], deletedTopics: [], configs: [], brokersChanged: false, ...given })
  }
  /** The loop turns once. */
  const turn = () => {
    for (const run of turns.splice(0)) run()
  }
  return { partitions, change, done, made, failing, environment, turn }
}

/** So many partitions, all led here. */
function large(name: string, id: string): TopicMetadata {
  return topicOf(name, id, ...Array<number>(150).fill(1))
}

describe('many partitions', () => {
  test('that are known at the start are taken up in slices, between which the loop turns; it is whole after the last', async () => {
    const { partitions, done, turn } = setUp(large('a', '1'), large('b', '2'), large('c', '3'))
    let isWhole = false
    void partitions.whole.then(() => {
      isWhole = true
    })
    expect(done).toHaveLength(300)
    expect(partitions.leader('c', 0)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    await Promise.resolve()
    expect(isWhole).toBe(false)
    turn()
    expect(done).toHaveLength(450)
    expect(partitions.leader('c', 0)).toBeInstanceOf(Leader)
    await Promise.resolve()
    expect(isWhole).toBe(true)
  })

  test('that are created at once are new, each as the metadata have it when its turn comes; one that is deleted before leaves no log', () => {
    const { partitions, change, done, made, turn } = setUp()
    change({ topics: [large('a', '1'), large('b', '2'), large('c', '3'), large('d', '4')] })
    expect(made).toHaveLength(300)
    change({ topics: [topicOf('c', '3', ...Array<number>(150).fill(2))] })
    change({ deletedTopics: [large('d', '4')] })
    expect(done.filter(each => each.startsWith('remove d-'))).toHaveLength(150)
    turn()
    expect(partitions.leader('c', 0)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    expect(partitions.leader('d', 0)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('that still wait when it is closed are opened: the logs write down where each of theirs ends', () => {
    const { partitions, done, turn } = setUp(large('a', '1'), large('b', '2'), large('c', '3'))
    partitions.close()
    expect(done.filter(each => each.startsWith('open '))).toHaveLength(450)
    turn()
    expect(done).toHaveLength(450)
  })
})

describe('partitions of this broker', () => {
  test('are new when they come to be known while it runs, not when it starts, is elected, or tries again after a failure', () => {
    const { change, done, made, failing } = setUp(topicOf('old', 'id', 1, -1))
    expect(done).toEqual(['open old-0', 'open old-1'])
    change({ topics: [topicOf('old', 'id', 1, 1)] })
    expect(done).toEqual(['open old-0', 'open old-1'])
    expect(made).toEqual([])
    change({ topics: [topicOf('old', 'id', 1, 1, 1), topicOf('fresh', 'id2', 1)] })
    expect(made).toEqual(['old-2', 'fresh-0'])
    failing.add('bad')
    change({ topics: [topicOf('bad', 'id3', 1)] })
    failing.clear()
    change({ configs: [{ type: 2, name: 'bad' }] })
    expect(done).toContain('open bad-0')
    expect(made).not.toContain('bad-0')
  })

  test('those it leads are open; others and unknown ones have their error code', () => {
    const { partitions, done } = setUp(topicOf('t', 'id', 1, 2))
    expect(partitions.leader('t', 0)).toBeInstanceOf(Leader)
    expect(partitions.leader('t', 1)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    expect(partitions.leader('t', 2)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(partitions.leader('u', 0)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(partitions.leader('t', -1)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(done).toEqual(['open t-0'])
  })

  test('created topics and added partitions are opened, and what is open stays the same', () => {
    const { partitions, change, done } = setUp()
    change({ topics: [topicOf('t', 'id', 1)] })
    const first = partitions.leader('t', 0)
    change({ topics: [topicOf('t', 'id', 1, 1)] })
    expect(partitions.leader('t', 0)).toBe(first)
    expect(partitions.leader('t', 1)).toBeInstanceOf(Leader)
    expect(done).toEqual(['open t-0', 'open t-1'])
  })

  test('a deleted topic is answered as unknown, those who wait are told, and its logs go', () => {
    const topic = topicOf('t', 'id', 1)
    const { partitions, change, done } = setUp(topic)
    const leader = partitions.leader('t', 0) as Leader
    const heard: number[] = []
    leader.whenReplicated(1, code => heard.push(code))
    change({ deletedTopics: [topic] })
    expect(partitions.leader('t', 0)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(heard).toEqual([ErrorCode.UNKNOWN_TOPIC_OR_PARTITION])
    expect(done).toEqual(['open t-0', 'remove t-0 id'])
  })

  test('a topic deleted and created again under its name within one change is a new one', () => {
    const { partitions, change, done } = setUp(topicOf('t', 'old', 1))
    const before = partitions.leader('t', 0)
    change({ topics: [topicOf('t', 'new', 1)], deletedTopics: [topicOf('t', 'old', 1)] })
    expect(partitions.leader('t', 0)).not.toBe(before)
    expect(done).toEqual(['open t-0', 'remove t-0 old', 'open t-0'])
  })

  test('a leadership that goes to another broker ends', () => {
    const { partitions, change } = setUp(topicOf('t', 'id', 1))
    const leader = partitions.leader('t', 0) as Leader
    change({ topics: [topicOf('t', 'id', 2)] })
    expect(leader.lostCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    expect(partitions.leader('t', 0)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })

  test('a log that cannot be opened is a storage error for that partition alone', () => {
    const { partitions, change, failing } = setUp()
    failing.add('bad')
    change({ topics: [topicOf('bad', 'id1', 1), topicOf('good', 'id2', 1)] })
    expect(partitions.leader('bad', 0)).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(partitions.leader('good', 0)).toBeInstanceOf(Leader)
  })

  test("changed settings reach the topic's logs; those of the broker reach all", () => {
    const { change, done } = setUp(topicOf('t', 'id1', 1), topicOf('u', 'id2', 1))
    done.length = 0
    change({ configs: [{ type: 2, name: 't' }] })
    expect(done).toEqual(['configure t'])
    change({ configs: [{ type: 4, name: '' }] })
    expect(done).toEqual(['configure t', 'configure t', 'configure u'])
  })

  const shared = (leader: number, leaderEpoch: number, replicas = [1, 2]): TopicMetadata => ({
    name: 't',
    topicId: 'id',
    partitions: [{ ...ledBy(leader, leaderEpoch), partitionEpoch: leaderEpoch, replicas, isr: replicas }],
  })

  test('a partition that another broker leads is followed on its own log, and led on the same one after an election', () => {
    const { partitions, change, done, environment } = setUp(shared(2, 1))
    const follower = partitions.replica('t', 0) as Follower
    expect(follower).toBeInstanceOf(Follower)
    expect([...environment.followed]).toEqual([follower])
    expect(partitions.leader('t', 0)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    change({ topics: [shared(1, 2)] })
    expect(partitions.leader('t', 0)).toBeInstanceOf(Leader)
    expect((partitions.leader('t', 0) as Leader).log).toBe(follower.log)
    expect(environment.followed.size).toBe(0)
    expect(done).toEqual(['open t-0'])
  })

  test('a leader that becomes a follower tells who waits, and follows on the same log', () => {
    const { partitions, change, environment } = setUp(shared(1, 1))
    const leader = partitions.leader('t', 0) as Leader
    const heard: number[] = []
    leader.whenReplicated(1, code => heard.push(code))
    change({ topics: [shared(2, 2)] })
    expect(heard).toEqual([ErrorCode.NOT_LEADER_OR_FOLLOWER])
    const follower = partitions.replica('t', 0) as Follower
    expect(follower.log).toBe(leader.log)
    expect([...environment.followed]).toEqual([follower])
  })

  test('a replica that moved elsewhere goes with its log, and comes back as a new one', () => {
    const { partitions, change, done, made, environment } = setUp(shared(2, 1))
    change({ topics: [shared(2, 2, [2, 3])] })
    expect(partitions.replica('t', 0)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    expect(environment.followed.size).toBe(0)
    expect(done).toEqual(['open t-0', 'remove t-0 id'])
    change({ topics: [shared(2, 3, [2, 3])] })
    expect(done).toEqual(['open t-0', 'remove t-0 id'])
    change({ topics: [shared(2, 4)] })
    expect(partitions.replica('t', 0)).toBeInstanceOf(Follower)
    expect(made).toEqual(['t-0'])
  })

  test('a follower in a new epoch is fetched anew', () => {
    const { change, environment } = setUp(shared(2, 1))
    environment.followed.clear()
    change({ topics: [shared(2, 1)] })
    expect(environment.followed.size).toBe(0)
    change({ topics: [shared(3, 2, [1, 2, 3])] })
    expect(environment.followed.size).toBe(1)
  })
})
