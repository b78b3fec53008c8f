/**
 * What consumers of a classic group tell one another: opaque to the broker, carried by JoinGroup and SyncGroup behind an int16
 * version.
 */
import { array, bytes, int32, message, string, type ValueOf } from '../../schema.ts'

export const ConsumerProtocolSubscription = message(
  'ConsumerProtocolSubscription',
  { versions: '0-3' },
  {
    topics: array(string()),
    userData: bytes({ nullable: true, default: null }),
    ownedPartitions: array(
      { since: 1, ignorable: true },
      { topic: string({ mapKey: true, entity: 'topicName' }), partitions: array(int32()) },
    ),
    generationId: int32({ since: 2, default: -1, ignorable: true }),
    rackId: string({ since: 3, nullable: true, default: null, ignorable: true }),
  },
)

export interface ConsumerProtocolSubscription extends ValueOf<typeof ConsumerProtocolSubscription> {}

export const ConsumerProtocolAssignment = message(
  'ConsumerProtocolAssignment',
  { versions: '0-3' },
  {
    assignedPartitions: array({ topic: string({ mapKey: true, entity: 'topicName' }), partitions: array(int32()) }),
    userData: bytes({ nullable: true, default: null }),
  },
)

export interface ConsumerProtocolAssignment extends ValueOf<typeof ConsumerProtocolAssignment> {}
