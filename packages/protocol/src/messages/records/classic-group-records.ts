/** Topic `__consumer_offsets`: classic groups, one record a group. */
import { array, bytes, int32, int64, message, string, type ValueOf } from '../../schema.ts'

export const GroupMetadataKey = message('GroupMetadataKey', { type: 2, versions: '0' }, { group: string() })

export interface GroupMetadataKey extends ValueOf<typeof GroupMetadataKey> {}

const groupMetadataValueMemberMetadata = {
  memberId: string(),
  groupInstanceId: string({ since: 3, nullable: true, default: null, ignorable: true }),
  clientId: string(),
  clientHost: string(),
  rebalanceTimeout: int32({ since: 1, default: -1, ignorable: true }),
  sessionTimeout: int32(),
  subscription: bytes(),
  assignment: bytes(),
} as const

export const GroupMetadataValue = message(
  'GroupMetadataValue',
  { type: 2, versions: '0-4', flexible: 4 },
  {
    protocolType: string(),
    generation: int32(),
    protocol: string({ nullable: true }),
    leader: string({ nullable: true }),
    currentStateTimestamp: int64({ since: 2, default: -1, ignorable: true }),
    members: array(groupMetadataValueMemberMetadata),
  },
)

export interface GroupMetadataValue extends ValueOf<typeof GroupMetadataValue> {}
