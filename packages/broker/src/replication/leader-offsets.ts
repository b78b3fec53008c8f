import { ErrorCode, errorOf, KafkaError, ListOffsets } from '@millrace/protocol'
import type { PeerChannel } from '../channel/peer-channel.ts'
import type { Follower } from '../partition/follower.ts'

const latest = -1
const earliest = -2
/** Without leader epochs an answer might come from a leader that was. */
const minVersion = 4

/** Where the log of a partition's leader starts and ends, as a replica is told. Rejects with a KafkaError or PeerError. */
export async function leaderOffsets(
  channel: Pick<PeerChannel, 'request'>,
  replicaId: number,
  { topic, partition, leaderEpoch }: Follower,
): Promise<{ readonly logStartOffset: number; readonly logEndOffset: number }> {
  const offsetAt = async (timestamp: number): Promise<number> => {
    const asked = { partitionIndex: partition, currentLeaderEpoch: leaderEpoch, timestamp }
    const response = await channel.request(ListOffsets, version => {
      if (version < minVersion)
        throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `the leader speaks version ${version} of ListOffsets`)
      return { replicaId, isolationLevel: 0, topics: [{ name: topic, partitions: [asked] }] }
    })
    const answer = response.topics[0]?.partitions[0]
    const errorCode = answer?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
    if (errorCode !== ErrorCode.NONE)
      throw new KafkaError(errorCode, `ListOffsets of ${topic}-${partition}: ${errorOf(errorCode).code}`)
    return answer!.offset
  }
  const [logEndOffset, logStartOffset] = await Promise.all([offsetAt(latest), offsetAt(earliest)])
  return { logStartOffset, logEndOffset }
}
