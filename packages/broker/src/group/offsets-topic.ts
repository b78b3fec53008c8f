import type { CreateTopicsRequest, ElementOf } from '@millrace/protocol'
import type { ConfigSet } from '@millrace/runtime'
import { nodeKeys } from '../config/node-keys.ts'
import { offsetsTopic } from './coordinator-partition.ts'

/** `__consumer_offsets` as this broker's configuration wants it to be created. */
export function offsetsTopicToCreate(config: ConfigSet): ElementOf<CreateTopicsRequest['topics']> {
  return {
    name: offsetsTopic,
    numPartitions: config.get(nodeKeys.offsetsTopicNumPartitions)!,
    replicationFactor: config.get(nodeKeys.offsetsTopicReplicationFactor)!,
    assignments: [],
    configs: [
      { name: 'compression.type', value: 'producer' },
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'segment.bytes', value: String(config.get(nodeKeys.offsetsTopicSegmentBytes)!) },
    ],
  }
}
