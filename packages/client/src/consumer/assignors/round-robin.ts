import type { TopicPartition } from '../../topic-partition.ts'
import { type Assignor, compare, inAssignmentOrder } from './assignor.ts'

/** All partitions of all topics, one after the other, to the members in turn, past those that do not subscribe to the topic. */
export const roundRobinAssignor: Assignor = {
  name: 'roundrobin',
  assign(members, metadata) {
    const ordered = inAssignmentOrder(members)
    const assigned = new Map(members.map(({ memberId }) => [memberId, [] as TopicPartition[]]))
    const topics = [...new Set(members.flatMap(member => member.topics))].sort(compare)
    let turn = 0
    for (const topic of topics) {
      const partitionCount = metadata.partitionCount(topic)
      for (let partition = 0; partition < partitionCount; partition++) {
        while (!ordered[turn % ordered.length]!.topics.includes(topic)) turn++
        assigned.get(ordered[turn % ordered.length]!.memberId)!.push({ topic, partition })
        turn++
      }
    }
    return new Map([...assigned].map(([memberId, partitions]) => [memberId, { partitions }]))
  },
}
