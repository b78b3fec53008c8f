import { type VotersRecord, zeroUuid } from '@millrace/protocol'
import type { VoterEndpoint } from '../config/quorum.ts'
import type { ControlRecord } from './control-records.ts'
import type { Endpoint, Voter } from './voter.ts'

/** Levels of kraft.version that this node can work at: 0 static voters, 1 voters in the log. */
export const kraftVersionRange = { minSupportedVersion: 0, maxSupportedVersion: 1 }

export interface VoterEndpoints extends Voter {
  readonly endpoints: readonly { readonly name: string; readonly host: string; readonly port: number }[]
  /** Levels of kraft.version that it can work at; default: this version's. */
  readonly kraftVersions?: { readonly minSupportedVersion: number; readonly maxSupportedVersion: number }
}

interface Entry<Value> {
  /** Of the record in the log; -1 for the configuration and for what formatting left. */
  readonly offset: number
  readonly value: Value
}

/**
 * Who votes: the static voters of server.properties (kraft.version 0), or what the last VotersRecord of snapshot and log says
 * (kraft.version 1, KIP-853), committed or not. What is cut off the log is forgotten again.
 */
export class VoterSet {
  readonly #listenerName: string
  readonly #static: readonly VoterEndpoints[]
  #voters: Entry<readonly VoterEndpoints[]>[]
  #kraftVersions: Entry<number>[] = [{ offset: -1, value: 0 }]

  constructor(staticVoters: readonly VoterEndpoint[], listenerName: string) {
    this.#listenerName = listenerName
    this.#static = staticVoters.map(({ id, host, port }) => ({
      id,
      directoryId: zeroUuid,
      endpoints: [{ name: listenerName, host, port }],
    }))
    this.#voters = [{ offset: -1, value: this.#static }]
  }

  get voters(): readonly VoterEndpoints[] {
    return this.#voters.at(-1)!.value
  }
  get kraftVersion(): number {
    return this.#kraftVersions.at(-1)!.value
  }
  /** Where the log has the voters; -1: only the configuration, or the checkpoint that the formatting left. */
  get votersOffset(): number {
    return this.#voters.at(-1)!.offset
  }

  /** Where the voter listens for the others. */
  endpointOf(voterId: number): Endpoint | null {
    const endpoints = this.voters.find(({ id }) => id === voterId)?.endpoints ?? []
    const found = endpoints.find(({ name }) => name === this.#listenerName) ?? endpoints[0]
    return found ? { host: found.host, port: found.port } : null
  }

  /** The record is at `offset`. Records of other types are passed over. */
  apply(record: ControlRecord, offset: number): void {
    if (record.type === 'KRaftVersion') this.#kraftVersions.push({ offset, value: record.value.kRaftVersion })
    else if (record.type === 'KRaftVoters') {
      const value = record.value.voters.map(({ voterId, voterDirectoryId, endpoints, kRaftVersionFeature }) => ({
        id: voterId,
        directoryId: voterDirectoryId,
        endpoints,
        kraftVersions: kRaftVersionFeature,
      }))
      this.#voters.push({ offset, value })
    }
  }

  /** Forgets what the log had at and behind `endOffset`. */
  truncateTo(endOffset: number): void {
    this.#voters = this.#voters.filter(({ offset }) => offset < endOffset)
    this.#kraftVersions = this.#kraftVersions.filter(({ offset }) => offset < endOffset)
  }

  /** Forgets everything but the configuration: a snapshot follows. */
  clear(): void {
    this.#voters = [{ offset: -1, value: this.#static }]
    this.#kraftVersions = [{ offset: -1, value: 0 }]
  }

  /** What a snapshot that ends at `endOffset` (default: the end), or the first batch of the first leader, says about the voters; nothing in a static quorum. */
  records(endOffset = Infinity): ControlRecord[] {
    const kRaftVersion = this.#kraftVersions.findLast(({ offset }) => offset < endOffset)?.value ?? 0
    if (kRaftVersion === 0) return []
    const voters = this.#voters.findLast(({ offset }) => offset < endOffset)!.value
    return [
      { type: 'KRaftVersion', value: { version: 0, kRaftVersion } },
      { type: 'KRaftVoters', value: votersRecord(voters) },
    ]
  }
}

export function votersRecord(voters: readonly VoterEndpoints[]): VotersRecord {
  return {
    version: 0,
    voters: voters.map(({ id, directoryId, endpoints, kraftVersions = kraftVersionRange }) => ({
      voterId: id,
      voterDirectoryId: directoryId,
      endpoints,
      kRaftVersionFeature: kraftVersions,
    })),
  }
}
