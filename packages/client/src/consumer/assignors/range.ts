import type { TopicPartition } from '../../topic-partition.ts'
import { type Assignor, compare, inAssignmentOrder } from './assignor.ts'

/**
 * Each topic on its own: consecutive partitions to the members in order, the first members get one more where it does not divide.
 * Topics with equally many partitions are so co-partitioned. Same result as Apache Kafka's RangeAssignor without racks.
 */
export const rangeAssignor: Assignor = {
  name: 'range',
  assign(members, metadata) {
    const ordered = inAssignmentOrder(members)
    const assigned = new Map(members.map(({ memberId }) => [memberId, [] as TopicPartition[]]))
    const topics = [...new Set(members.flatMap(member => member.topics))].sort(compare)
    for (const topic of topics) {
      const subscribers = ordered.filter(member => member.topics.includes(topic))
      const partitionCount = metadata.partitionCount(topic)
      const share = Math.floor(partitionCount / subscribers.length)
      const withOneMore = partitionCount % subscribers.length
      let partition = 0
      subscribers.forEach(({ memberId }, place) => {
        for (let left = share + (place < withOneMore ? 1 : 0); left > 0; left--)
          assigned.get(memberId)!.push({ topic, partition: partition++ })
      })
    }
    return new Map([...assigned].map(([memberId, partitions]) => [memberId, { partitions }]))
  },
}
