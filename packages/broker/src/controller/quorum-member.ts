import { type Api, ErrorCode, KafkaError } from '@millrace/protocol'
import { messageOf } from '@millrace/runtime'
import { keptWithoutEffectYet } from '../config/without-effect.ts'
import { RaftNode } from '../raft/raft-node.ts'
import { isRaftAdministration } from '../raft/raft-requests.ts'
import type { LeaderAndEpoch, ReplicatedState } from '../raft/replicated-state.ts'
import { readBootstrapRecords } from '../storage/bootstrap-checkpoint.ts'
import { ActiveController } from './active-controller.ts'
import { type MetadataQuorumOptions, raftOptions } from './metadata-quorum.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { metadataVersionOf } from './metadata-version.ts'
import { CommittedMetadata } from './metadata-view.ts'
import { decodeRecord, encodeRecord } from './record-codec.ts'

export interface NamedAddress {
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface QuorumMemberOptions extends MetadataQuorumOptions {
  /** Another node leads, or none (-1): told after this node has stopped or begun to be the active controller. */
  readonly leaderChanged?: (leader: LeaderAndEpoch) => void
  /** The active controller gave a partition another leader. */
  readonly elected?: (election: 'clean' | 'unclean') => void
  /** The metadata log can no longer be written, or says what this version does not understand: the node must stop. Called at most once. */
  readonly failed: (error: Error) => void
}

/**
 * This node's part in the quorum: it holds the metadata log, votes or observes, and follows what is committed. While it leads, it is the active
 * controller.
 */
export class QuorumMember {
  readonly metadata: CommittedMetadata
  readonly raft: RaftNode<MetadataRecord>
  readonly #options: QuorumMemberOptions
  readonly #warned = new Set<string>()
  #active: ActiveController | null = null
  #failed = false

  /** Reads the newest snapshot and the log; nothing is sent before `start`. Throws a MillraceError for a log or voters that cannot be. */
  constructor(options: QuorumMemberOptions) {
    this.#options = options
    this.metadata = new CommittedMetadata(options.logger)
    this.raft = new RaftNode(raftOptions(options, this.#state(), error => this.#fail(error)))
    this.metadata.kraftVersion = () => this.raft.voters.kraftVersion
  }

  /** Takes part. A quorum of one is led when this returns. */
  start(): void {
    this.raft.start()
  }

  /** Null on every node but the one that leads. */
  get active(): ActiveController | null {
    return this.#active
  }

  /** Where the leader listens for nodes; null when it is not known, or this node. */
  get leaderAddress(): { readonly host: string; readonly port: number } | null {
    return this.raft.isLeader ? null : this.raft.leader.endpoint
  }

  /** The controllers that the cluster knows: those that registered, and voters that have not yet. */
  controllers(): readonly { readonly id: number; readonly listeners: readonly NamedAddress[] }[] {
    const known = new Map<number, readonly NamedAddress[]>()
    for (const { id, endpoints } of this.raft.voters.voters) known.set(id, endpoints)
    for (const { controllerId, endPoints } of this.metadata.image.controllers()) known.set(controllerId, endPoints)
    return [...known].map(([id, listeners]) => ({ id, listeners }))
  }

  /**
   * A request that only the leader of the quorum answers. Rejects with a KafkaError: NOT_CONTROLLER on every other node and when this one lost the
   * lead before the records were committed, UNSUPPORTED_VERSION for an API that is none of the controller's.
   */
  request<Request, Response>(api: Api<Request, Response>, version: number, request: Request): Promise<Response> {
    if (!this.#active) return Promise.reject(new KafkaError(ErrorCode.NOT_CONTROLLER, 'this node is not the active controller'))
    if (isRaftAdministration(api)) return this.raft.handle(api, version, request, { listenerName: '' })
    return this.#active.request(api, version, request)
  }

  /** Stops deciding, hands the lead over, closes the log. Subscribers are told nothing any more. */
  async close(): Promise<void> {
    this.metadata.unsubscribeAll()
    this.#active?.stop()
    await this.raft.close()
    this.#active = null
  }

  #state(): ReplicatedState<MetadataRecord> {
    return {
      encode: record => encodeRecord(record, this.#active?.metadataVersion ?? metadataVersionOf(this.metadata.image)),
      decode: decodeRecord,
      committed: ({ records, nextOffset }) => {
        this.metadata.publish(records, nextOffset)
        this.#warnOfSettings(records)
      },
      loadSnapshot: (records, { endOffset }) => this.metadata.replace(records, endOffset),
      snapshot: () => (this.metadata.image.inTransaction ? null : this.metadata.image.records()),
      leaderChanged: leader => this.#leaderChanged(leader),
    }
  }

  #leaderChanged(leader: LeaderAndEpoch): void {
    this.#active?.stop()
    const isThis = leader.id === this.#options.storage.nodeId && this.raft.isLeader
    this.#active = isThis ? this.#activate(leader.epoch) : null
    this.#options.leaderChanged?.(leader)
  }

  #activate(epoch: number): ActiveController {
    const { world, logger, config, storage, elected } = this.#options
    const active = new ActiveController({
      world,
      logger,
      config,
      nodeId: storage.nodeId,
      clusterId: storage.clusterId,
      log: this.raft,
      view: this.metadata,
      epoch,
      bootstrap: () => readBootstrapRecords(world.disk, storage.metadataDirectory.path),
      ...(elected ? { elected } : {}),
      failed: () => this.raft.resign(),
    })
    active.start().catch(error => {
      // Another leads already: it does what this one could not finish.
      if (error instanceof KafkaError && error.errorCode === ErrorCode.NOT_CONTROLLER) return
      this.#fail(error as Error)
    })
    return active
  }

  #warnOfSettings(records: readonly MetadataRecord[]): void {
    for (const record of records) {
      if (record.type !== 'ConfigRecord' || !keptWithoutEffectYet.has(record.value.name)) continue
      const { name: key, resourceName: resource } = record.value
      if (this.#warned.has(key)) continue
      this.#warned.add(key)
      this.#options.logger.warn('config.without-effect-yet', { key, resource })
    }
  }

  #fail(error: Error): void {
    if (this.#failed) return
    this.#failed = true
    this.#options.logger.error('controller.failed', { error: messageOf(error) })
    this.#active?.stop()
    this.#options.failed(error)
  }
}
