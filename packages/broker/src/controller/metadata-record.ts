import type {
  AbortTransactionRecord,
  AccessControlEntryRecord,
  BeginTransactionRecord,
  BrokerRegistrationChangeRecord,
  ClearElrRecord,
  ClientQuotaRecord,
  ConfigRecord,
  DelegationTokenRecord,
  EndTransactionRecord,
  FeatureLevelRecord,
  FenceBrokerRecord,
  NoOpRecord,
  PartitionChangeRecord,
  PartitionRecord,
  ProducerIdsRecord,
  RegisterBrokerRecord,
  RegisterControllerRecord,
  RemoveAccessControlEntryRecord,
  RemoveDelegationTokenRecord,
  RemoveTopicRecord,
  RemoveUserScramCredentialRecord,
  TopicRecord,
  UnfenceBrokerRecord,
  UnregisterBrokerRecord,
  UnregisterControllerRecord,
  UserScramCredentialRecord,
  ZkMigrationStateRecord,
} from '@millrace/protocol'

interface Values {
  RegisterBrokerRecord: RegisterBrokerRecord
  UnregisterBrokerRecord: UnregisterBrokerRecord
  TopicRecord: TopicRecord
  PartitionRecord: PartitionRecord
  ConfigRecord: ConfigRecord
  PartitionChangeRecord: PartitionChangeRecord
  FenceBrokerRecord: FenceBrokerRecord
  UnfenceBrokerRecord: UnfenceBrokerRecord
  RemoveTopicRecord: RemoveTopicRecord
  DelegationTokenRecord: DelegationTokenRecord
  UserScramCredentialRecord: UserScramCredentialRecord
  FeatureLevelRecord: FeatureLevelRecord
  ClientQuotaRecord: ClientQuotaRecord
  ProducerIdsRecord: ProducerIdsRecord
  BrokerRegistrationChangeRecord: BrokerRegistrationChangeRecord
  AccessControlEntryRecord: AccessControlEntryRecord
  RemoveAccessControlEntryRecord: RemoveAccessControlEntryRecord
  NoOpRecord: NoOpRecord
  ZkMigrationStateRecord: ZkMigrationStateRecord
  RemoveUserScramCredentialRecord: RemoveUserScramCredentialRecord
  BeginTransactionRecord: BeginTransactionRecord
  EndTransactionRecord: EndTransactionRecord
  AbortTransactionRecord: AbortTransactionRecord
  RemoveDelegationTokenRecord: RemoveDelegationTokenRecord
  RegisterControllerRecord: RegisterControllerRecord
  ClearElrRecord: ClearElrRecord
  UnregisterControllerRecord: UnregisterControllerRecord
}

/** A record of the metadata log. */
export type MetadataRecord = {
  [Type in keyof Values]: { readonly type: Type; readonly value: Values[Type] }
}[keyof Values]

export type PartitionChange = Extract<MetadataRecord, { type: 'PartitionChangeRecord' }>

/** A change of one partition: what is left out stays as it is. */
export function partitionChange(
  change: Pick<PartitionChangeRecord, 'topicId' | 'partitionId'> & Partial<PartitionChangeRecord>,
): PartitionChange {
  return {
    type: 'PartitionChangeRecord',
    value: {
      isr: null,
      leader: noChange,
      replicas: null,
      removingReplicas: null,
      addingReplicas: null,
      leaderRecoveryState: -1,
      directories: null,
      eligibleLeaderReplicas: null,
      lastKnownElr: null,
      ...change,
    },
  }
}

/** PartitionChangeRecord: the leader stays. */
export const noChange = -2
/** No replica leads. */
export const noLeader = -1
