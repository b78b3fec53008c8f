import { ErrorCode, type ListPartitionReassignmentsRequest, type ListPartitionReassignmentsResponse } from '@millrace/protocol'
import type { ControllerState, Decision } from './decision.ts'

/** ListPartitionReassignments: partitions that are getting or losing replicas. */
export function decideListPartitionReassignments(
  { image }: ControllerState,
  request: ListPartitionReassignmentsRequest,
): Decision<ListPartitionReassignmentsResponse> {
  const wanted = request.topics && new Map(request.topics.map(topic => [topic.name, new Set(topic.partitionIndexes)]))
  const topics: ListPartitionReassignmentsResponse['topics'][number][] = []
  for (const { name, partitions: all } of image.topics()) {
    if (wanted && !wanted.has(name)) continue
    const partitions = [...all.entries()]
      .filter(([index, { addingReplicas, removingReplicas }]) => {
        return addingReplicas.length + removingReplicas.length > 0 && (!wanted || wanted.get(name)!.has(index))
      })
      .map(([partitionIndex, { replicas, addingReplicas, removingReplicas }]) => ({
        partitionIndex,
        replicas,
        addingReplicas,
        removingReplicas,
      }))
    if (partitions.length > 0) topics.push({ name, partitions })
  }
  return { records: [], response: { throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null, topics } }
}
