/** The one partition of this topic is the metadata log. */
export const metadataTopic = '__cluster_metadata'
/** Kafka's fixed id of the topic. */
export const metadataTopicId = 'AAAAAAAAAAAAAAAAAAAAAQ'
/** From this version of Fetch on topics go by id. */
export const topicIdsSince = 13

interface ByName {
  readonly topicName: string
  readonly partitions: readonly { readonly partitionIndex: number }[]
}

/** The partition of a request that names exactly the metadata log's; else null. */
export function onlyPartition<Topic extends ByName>(topics: readonly Topic[]): Topic['partitions'][number] | null {
  const [topic] = topics
  const isOnly = topics.length === 1 && topic!.topicName === metadataTopic && topic!.partitions.length === 1
  return isOnly && topic!.partitions[0]!.partitionIndex === 0 ? topic!.partitions[0]! : null
}
