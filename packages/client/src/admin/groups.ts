import { DeleteGroups, DescribeGroups, ErrorCode, errorOf, type KafkaError, ListGroups, OffsetDelete } from '@millrace/protocol'
import type { Cluster } from '../cluster.ts'
import { decodeAssignment, decodeSubscription } from '../consumer/consumer-protocol.ts'
import { Coordinator } from '../group/coordinator.ts'
import { byTopic, nameOf, type TopicPartition } from '../topic-partition.ts'

export interface GroupListing {
  readonly groupId: string
  /** `consumer`, `connect`, …; empty for a group that only keeps offsets. */
  readonly protocolType: string
  /** `Stable`, `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Dead`; empty from brokers before Kafka 2.6. */
  readonly state: string
  /** `classic`, `consumer`, …; empty from brokers before Kafka 3.8. */
  readonly type: string
}

export interface GroupMemberDescription {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Of protocol type `consumer`, else empty. */
  readonly topics: readonly string[]
  readonly partitions: readonly TopicPartition[]
  /** As the member sent it. */
  readonly metadata: Uint8Array
  readonly assignment: Uint8Array
}

export interface GroupDescription {
  readonly groupId: string
  readonly state: string
  readonly protocolType: string
  /** The assignor in use; empty while there is none. */
  readonly protocol: string
  readonly members: readonly GroupMemberDescription[]
}

/** The groups of all brokers; only those in `states` or of `types` if given. */
export async function listGroups(
  cluster: Cluster,
  { states = [], types = [] }: { states?: readonly string[]; types?: readonly string[] } = {},
): Promise<GroupListing[]> {
  return cluster.retry('ListGroups', async () => {
    await cluster.metadata.refresh()
    const groups = new Map<string, GroupListing>()
    for (const node of cluster.metadata.brokers.values()) {
      const response = await cluster.request(node, 'general', ListGroups, version => ({
        ...(version >= 4 ? { statesFilter: states } : {}),
        ...(version >= 5 ? { typesFilter: types } : {}),
      }))
      if (response.errorCode !== ErrorCode.NONE) throw errorOf(response.errorCode, `Groups of node ${node.nodeId}`)
      for (const { groupId, protocolType, groupState: state, groupType: type } of response.groups)
        groups.set(groupId, { groupId, protocolType, state, type })
    }
    return [...groups.values()].sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
  })
}

/** Describes classic groups, in the order asked. A group that does not exist is `Dead`, without members, or GROUP_ID_NOT_FOUND from brokers that say so (Kafka 4.0). */
export async function describeGroups(cluster: Cluster, groupIds: readonly string[]): Promise<GroupDescription[]> {
  return Promise.all(
    groupIds.map(groupId =>
      onCoordinator(cluster, groupId, 'DescribeGroups', async coordinator => {
        const response = await coordinator.request(DescribeGroups, { groups: [groupId] })
        const group = response.groups[0]
        if (!group) throw errorOf(ErrorCode.UNKNOWN_SERVER_ERROR, `No description of group ${groupId}`)
        if (group.errorCode !== ErrorCode.NONE) throw errorOf(group.errorCode, `${group.errorMessage ?? 'Group'} ${groupId}`)
        const { groupState: state, protocolType, protocolData: protocol } = group
        const members = group.members.map(
          ({ memberId, groupInstanceId, clientId, clientHost, memberMetadata, memberAssignment }) => {
            const isConsumer = protocolType === 'consumer'
            return {
              memberId,
              groupInstanceId,
              clientId,
              clientHost,
              topics: isConsumer && memberMetadata.length > 0 ? decodeSubscription(memberMetadata).topics : [],
              partitions: isConsumer ? decodeAssignment(memberAssignment).partitions : [],
              metadata: memberMetadata,
              assignment: memberAssignment,
            }
          },
        )
        return { groupId, state, protocolType, protocol, members }
      }),
    ),
  )
}

/** Deletes groups that have no members. Rejects with the KafkaError of the first that failed: NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND. */
export async function deleteGroups(cluster: Cluster, groupIds: readonly string[]): Promise<void> {
  for (const groupId of groupIds)
    await onCoordinator(cluster, groupId, 'DeleteGroups', async coordinator => {
      const response = await coordinator.request(DeleteGroups, { groupsNames: [groupId] })
      for (const { errorCode } of response.results) if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, `Group ${groupId}`)
    })
}

/** Deletes committed offsets of topics that no member reads. Rejects with a KafkaError: GROUP_SUBSCRIBED_TO_TOPIC, GROUP_ID_NOT_FOUND. */
export async function deleteOffsets(cluster: Cluster, groupId: string, partitions: readonly TopicPartition[]): Promise<void> {
  await onCoordinator(cluster, groupId, 'OffsetDelete', async coordinator => {
    const topics = [...byTopic(partitions)].map(([name, list]) => ({
      name,
      partitions: list.map(({ partition }) => ({ partitionIndex: partition })),
    }))
    const response = await coordinator.request(OffsetDelete, { groupId, topics })
    if (response.errorCode !== ErrorCode.NONE) throw errorOf(response.errorCode, `Group ${groupId}`)
    for (const { name, partitions: answers } of response.topics)
      for (const { partitionIndex, errorCode } of answers)
        if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, nameOf({ topic: name, partition: partitionIndex }))
  })
}

/** Retries what a coordinator that moved or loads answers. */
function onCoordinator<T>(
  cluster: Cluster,
  groupId: string,
  what: string,
  call: (coordinator: Coordinator) => Promise<T>,
): Promise<T> {
  const coordinator = new Coordinator(cluster, groupId)
  return cluster.retry(`${what} of group ${groupId}`, async () => {
    try {
      return await call(coordinator)
    } catch (error) {
      coordinator.check(error as KafkaError)
      throw error
    }
  })
}
