/** Keys and values of control records: the end of a transaction, and what the raft layer writes into the metadata log. */
import { array, int16, int32, int64, message, string, struct, uint16, uuid, type ValueOf } from '../../schema.ts'

export const ControlRecordTypeSchema = message('ControlRecordTypeSchema', { versions: '0' }, { type: int16() })

export interface ControlRecordTypeSchema extends ValueOf<typeof ControlRecordTypeSchema> {}

export const EndTxnMarker = message('EndTxnMarker', { versions: '0' }, { coordinatorEpoch: int32() })

export interface EndTxnMarker extends ValueOf<typeof EndTxnMarker> {}

const leaderChangeMessageVoter = { voterId: int32(), voterDirectoryId: uuid({ since: 1 }) } as const

export const LeaderChangeMessage = message(
  'LeaderChangeMessage',
  { versions: '0-1', flexible: 0 },
  {
    version: int16(),
    leaderId: int32({ entity: 'brokerId' }),
    voters: array(leaderChangeMessageVoter),
    grantingVoters: array(leaderChangeMessageVoter),
  },
)

export interface LeaderChangeMessage extends ValueOf<typeof LeaderChangeMessage> {}

export const SnapshotHeaderRecord = message(
  'SnapshotHeaderRecord',
  { versions: '0', flexible: 0 },
  { version: int16(), lastContainedLogTimestamp: int64() },
)

export interface SnapshotHeaderRecord extends ValueOf<typeof SnapshotHeaderRecord> {}

export const SnapshotFooterRecord = message('SnapshotFooterRecord', { versions: '0', flexible: 0 }, { version: int16() })

export interface SnapshotFooterRecord extends ValueOf<typeof SnapshotFooterRecord> {}

export const KRaftVersionRecord = message(
  'KRaftVersionRecord',
  { versions: '0', flexible: 0 },
  { version: int16(), kRaftVersion: int16() },
)

export interface KRaftVersionRecord extends ValueOf<typeof KRaftVersionRecord> {}

export const VotersRecord = message(
  'VotersRecord',
  { versions: '0', flexible: 0 },
  {
    version: int16(),
    voters: array({
      voterId: int32({ entity: 'brokerId' }),
      voterDirectoryId: uuid(),
      endpoints: array({ name: string({ mapKey: true }), host: string(), port: uint16() }),
      kRaftVersionFeature: struct({ minSupportedVersion: int16(), maxSupportedVersion: int16() }),
    }),
  },
)

export interface VotersRecord extends ValueOf<typeof VotersRecord> {}
