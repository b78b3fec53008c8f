import { type VotersRecord, zeroUuid } from '@millrace/protocol'
import type { VoterEndpoint } from '../config/quorum.ts'
import type { ControlRecord } from './control-records.ts'
import type { Voter } from './raft.ts'

/** Levels of kraft.version that this node can work at: 0 static voters, 1 voters in the log. */
export const kraftVersionRange = { minSupportedVersion: 0, maxSupportedVersion: 1 }

export interface VoterEndpoints extends Voter {
  readonly endpoints: readonly { readonly name: string; readonly host: string; readonly port: number }[]
}

/**
 * Who votes: the static voters of server.properties (kraft.version 0), or what the last VotersRecord of checkpoint and log says
 * (kraft.version 1, KIP-853).
 */
export class VoterSet {
  kraftVersion = 0
  #voters: readonly VoterEndpoints[]
  /** The log itself has the voters, not only the checkpoint that the formatting left. */
  isInLog = false

  constructor(staticVoters: readonly VoterEndpoint[], listenerName: string) {
    this.#voters = staticVoters.map(({ id, host, port }) => ({
      id,
      directoryId: zeroUuid,
      endpoints: [{ name: listenerName, host, port }],
    }))
  }

  get voters(): readonly VoterEndpoints[] {
    return this.#voters
  }

  apply(record: ControlRecord): void {
    if (record.type === 'KRaftVersion') this.kraftVersion = record.value.kRaftVersion
    else if (record.type === 'KRaftVoters') {
      this.#voters = record.value.voters.map(({ voterId, voterDirectoryId, endpoints }) => ({
        id: voterId,
        directoryId: voterDirectoryId,
        endpoints,
      }))
    }
  }

  /** What a snapshot, or the first batch of the first leader, says about the voters; nothing in a static quorum. */
  records(): ControlRecord[] {
    if (this.kraftVersion === 0) return []
    return [
      { type: 'KRaftVersion', value: { version: 0, kRaftVersion: this.kraftVersion } },
      { type: 'KRaftVoters', value: votersRecord(this.#voters) },
    ]
  }
}

export function votersRecord(voters: readonly VoterEndpoints[]): VotersRecord {
  return {
    version: 0,
    voters: voters.map(({ id, directoryId, endpoints }) => ({
      voterId: id,
      voterDirectoryId: directoryId,
      endpoints,
      kRaftVersionFeature: kraftVersionRange,
    })),
  }
}
