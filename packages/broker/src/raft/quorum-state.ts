import { type Disk, MillraceError, messageOf, replaceFile } from '@millrace/runtime'

const fileName = 'quorum-state'
const noDirectory = 'AAAAAAAAAAAAAAAAAAAAAA'

/** What a voter must not forget: its epoch, whom it gave its vote in it, and who leads it. -1: nobody, not known. */
export interface ElectionState {
  readonly epoch: number
  readonly leaderId: number
  readonly votedId: number
  /** Directory of the candidate that got the vote; zero when not known. */
  readonly votedDirectoryId: string
}

export const initialElectionState: ElectionState = { epoch: 0, leaderId: -1, votedId: -1, votedDirectoryId: noDirectory }

/** Reads `quorum-state` as Apache Kafka writes it, in both of its versions; the initial state when the file is not there. */
export function readElectionState(disk: Disk, directory: string): ElectionState {
  const path = `${directory}/${fileName}`
  if (!disk.exists(path)) return initialElectionState
  try {
    const json = JSON.parse(disk.readFile(path).toString('utf8')) as Record<string, unknown>
    const version = integer(json, 'data_version')
    if (version > 1) throw new Error(`data_version ${version}`)
    return {
      epoch: integer(json, 'leaderEpoch'),
      leaderId: integer(json, 'leaderId'),
      votedId: integer(json, 'votedId'),
      votedDirectoryId: typeof json['votedDirectoryId'] === 'string' ? json['votedDirectoryId'] : noDirectory,
    }
  } catch (error) {
    throw new MillraceError('CORRUPT_QUORUM_STATE', `${path} cannot be read: ${messageOf(error)}`, {
      hint: 'restore the file from a copy; without it this voter might vote twice in one epoch',
      cause: error,
    })
  }
}

/** Durable when it returns. A static quorum (kraft.version 0) has the older version of the file. */
export function writeElectionState(disk: Disk, directory: string, state: ElectionState, quorum: QuorumFileForm): void {
  const json =
    quorum.kraftVersion === 0
      ? {
          clusterId: '',
          leaderId: state.leaderId,
          leaderEpoch: state.epoch,
          votedId: state.votedId,
          appliedOffset: 0,
          currentVoters: quorum.voterIds.map(voterId => ({ voterId })),
          data_version: 0,
        }
      : {
          leaderId: state.leaderId,
          leaderEpoch: state.epoch,
          votedId: state.votedId,
          votedDirectoryId: state.votedDirectoryId,
          data_version: 1,
        }
  replaceFile(disk, `${directory}/${fileName}`, JSON.stringify(json))
}

export interface QuorumFileForm {
  readonly kraftVersion: number
  readonly voterIds: readonly number[]
}

function integer(json: Record<string, unknown>, name: string): number {
  const value = json[name]
  if (!Number.isInteger(value)) throw new Error(`${name} is not a whole number`)
  return value as number
}
