import { type ElectLeadersRequest, type ElectLeadersResponse, ErrorCode } from '@millrace/protocol'
import { type ControllerState, type Decision, maxRecordsPerChange, orRefusal, Refusal } from './decision.ts'
import { electLeader } from './leader-election.ts'
import { type MetadataRecord, noLeader } from './metadata-record.ts'

const preferred = 0
const unclean = 1

/**
 * ElectLeaders (KIP-460): leaders move to the preferred replicas, or partitions without a leader get one that is not in sync. Without
 * partitions all are meant, and only those are answered that needed an election.
 */
export function decideElectLeaders(state: ControllerState, request: ElectLeadersRequest): Decision<ElectLeadersResponse> {
  const { electionType, topicPartitions } = request
  if (electionType !== preferred && electionType !== unclean)
    return { records: [], response: { throttleTimeMs: 0, errorCode: ErrorCode.INVALID_REQUEST, replicaElectionResults: [] } }
  const wanted =
    topicPartitions ??
    [...state.image.topics()].map(({ name, partitions }) => ({ topic: name, partitions: [...partitions.keys()] }))
  const records: MetadataRecord[] = []
  const seen = new Set<string>()
  const replicaElectionResults = wanted.map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions
      .map(partitionId =>
        orRefusal(
          () => {
            if (records.length === maxRecordsPerChange)
              throw new Refusal(ErrorCode.POLICY_VIOLATION, `At most ${maxRecordsPerChange} leaders are elected at once.`)
            if (seen.has(`${topic}-${partitionId}`))
              throw new Refusal(ErrorCode.INVALID_REQUEST, `The partition ${topic}-${partitionId} appears twice in the request.`)
            seen.add(`${topic}-${partitionId}`)
            records.push(elect(state, topic, partitionId, electionType))
            return { partitionId, errorCode: ErrorCode.NONE as number, errorMessage: null as string | null }
          },
          refusal => ({ partitionId, errorCode: refusal.errorCode, errorMessage: refusal.message }),
        ),
      )
      .filter(({ errorCode }) => topicPartitions !== null || errorCode !== ErrorCode.ELECTION_NOT_NEEDED),
  }))
  return { records, response: { throttleTimeMs: 0, errorCode: ErrorCode.NONE, replicaElectionResults } }
}

function elect(state: ControllerState, name: string, partitionId: number, electionType: number): MetadataRecord {
  const topic = state.image.topic(name)
  if (!topic) throw new Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `No such topic as ${name}`)
  const partition = topic.partitions[partitionId]
  if (!partition) throw new Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `No such partition as ${name}-${partitionId}`)
  const isPreferred = electionType === preferred
  const isGood = isPreferred ? partition.leader === partition.replicas[0] : partition.leader !== noLeader
  if (isGood) throw new Refusal(ErrorCode.ELECTION_NOT_NEEDED, 'Leader election not needed for topic partition.')
  const record = electLeader(state, topic, partitionId, isPreferred ? 'preferred' : 'unclean')
  if (isPreferred && record?.value.leader !== partition.replicas[0])
    throw new Refusal(ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE, 'The preferred leader was not available.')
  if (!record || record.value.leader < 0)
    throw new Refusal(ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE, 'Eligible topic partition leaders are not available.')
  return record
}
