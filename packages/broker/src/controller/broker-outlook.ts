import type { ControllerState } from './decision.ts'
import { isDirectoryOnline } from './directory-id.ts'
import { directoryOfReplica, newDirectoryOf, rulesOf } from './leadership.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { changePartition } from './partition-change.ts'
import type { PartitionImage } from './partition-image.ts'

/** What becomes of one broker: the partitions are changed for the time when it is so. */
export interface BrokerOutlook {
  readonly brokerId: number
  readonly canLead: boolean
  /** Its directories that are online then; left out: as they are. */
  readonly logDirs?: readonly string[]
  /** It came back without having closed its logs: it may miss what it had confirmed. */
  readonly unclean?: boolean
}

/**
 * The changes of all partitions that a broker's change has an effect on: those whose replica there is no longer to be reached lose it from
 * their in-sync sets and get other leaders; those without a leader may get this one.
 */
export function partitionChangesFor(state: ControllerState, outlook: BrokerOutlook): MetadataRecord[] {
  const records: MetadataRecord[] = []
  const { brokerId } = outlook
  const isUp = (id: number) => (id === brokerId ? outlook.canLead : state.image.isEligible(id))
  for (const { name, topicId, partitions } of state.image.topics()) {
    const concerned = [...partitions.entries()].filter(([, partition]) => isConcerned(partition, outlook))
    if (concerned.length === 0) continue
    const rules = rulesOf(state, name)
    for (const [partitionId, partition] of concerned) {
      const isReachable = (id: number) => {
        const logDirs = (id === brokerId ? outlook.logDirs : undefined) ?? state.image.broker(id)?.logDirs ?? []
        return isUp(id) && isDirectoryOnline(directoryOfReplica(partition, id), logDirs)
      }
      // An only replica that lost its newest records is still the only truth there is: nothing is gained by distrusting it.
      const distrusted = outlook.unclean && partition.replicas.length > 1 ? [brokerId] : []
      const isr = isReachable(brokerId) ? partition.isr : partition.isr.filter(id => id !== brokerId)
      const record = changePartition(
        partition,
        {
          topicId,
          partitionId,
          isr,
          canLead: isReachable,
          election: rules.election,
          uncleanShutdown: distrusted,
          newDirectory: newDirectoryOf(state),
        },
        rules,
      )
      if (record) records.push(record)
    }
  }
  return records
}

function isConcerned(partition: PartitionImage, { brokerId, canLead, logDirs, unclean }: BrokerOutlook): boolean {
  if (!partition.replicas.includes(brokerId)) return false
  const isReachable = canLead && (!logDirs || isDirectoryOnline(directoryOfReplica(partition, brokerId), logDirs))
  if (isReachable) return partition.leader < 0
  if (partition.isr.includes(brokerId) || partition.leader === brokerId) return true
  return unclean === true && partition.eligibleLeaderReplicas.includes(brokerId)
}
