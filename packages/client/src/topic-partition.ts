export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A name for maps and log lines: Kafka's `topic-partition`. Unique, as the part behind the last hyphen is a number. */
export function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}

/** Groups partitions by topic, in the order of first appearance, as requests carry them. */
export function byTopic<T extends TopicPartition>(partitions: Iterable<T>): Map<string, T[]> {
  const topics = new Map<string, T[]>()
  for (const partition of partitions) {
    const list = topics.get(partition.topic)
    if (list) list.push(partition)
    else topics.set(partition.topic, [partition])
  }
  return topics
}
