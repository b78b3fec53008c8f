import {
  AddRaftVoter,
  type Api,
  ApiVersions,
  type Draft,
  decode,
  encode,
  joined,
  RemoveRaftVoter,
  Vote,
  type VoteRequest,
  type VoteResponse,
} from '@millrace/protocol'
import { MillraceError, silentLogger } from '@millrace/runtime'
import { type SimulatedMachine, SimulatedUniverse } from '@millrace/testkit'
import { checkpointBatches } from '../checkpoint-batches.ts'
import { RaftNode } from '../raft-node.ts'
import { defaultRaftTimeouts, type RaftNodeOptions } from '../raft-node-options.ts'
import type { RaftAddress } from '../raft-transport.ts'
import { snapshotName, writeCheckpointNow } from '../snapshots.ts'
import { votersRecord } from '../voter-set.ts'
import { metadataLogIn } from './metadata-log.ts'

const unreachable = new MillraceError('PEER_UNREACHABLE', 'nobody listens there')
export const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'
const directory = '/data/__cluster_metadata-0'

export interface QuorumOptions {
  readonly seed: number
  /** Ids of the first voters. Default: 1, 2, 3. */
  readonly voters?: readonly number[]
  readonly observers?: readonly number[]
  /** Voters in the log (kraft.version 1). Default: static. */
  readonly isDynamic?: boolean
  /** Between 0 and 1: part of the messages that are lost. */
  readonly loss?: number
  readonly latencyMs?: number
  readonly snapshotBytes?: number
  readonly autoJoin?: boolean
  readonly fetchMaxBytes?: number
}

export interface MemberOptions {
  readonly canVote?: boolean
  readonly port?: number
  readonly directory?: string
  /** Its configuration names no voters: it asks who they are. Default: in a dynamic quorum. */
  readonly asksForVoters?: boolean
}

/** One process: the node and what its state was told. */
export class Member {
  readonly id: number
  readonly node: RaftNode<string>
  readonly options: MemberOptions
  /** All records, in order. */
  readonly applied: string[] = []
  readonly leaders: { readonly id: number; readonly epoch: number }[] = []
  readonly failures: Error[] = []
  /** Snapshots that it was given. */
  loaded = 0

  constructor(id: number, options: MemberOptions, open: (member: Member) => RaftNode<string>) {
    this.id = id
    this.options = options
    this.node = open(this)
  }

  get isLeader(): boolean {
    return this.leaders.at(-1)?.id === this.id
  }

  /** Resolves when it is committed. */
  append(record: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.node.whenCommitted(this.node.append([record]), error => (error ? reject(error) : resolve()))
    })
  }
}

/** For tests: nodes of a quorum on simulated machines and virtual time, a network that delays, loses and cuts, and the invariants of raft watched all the time. */
export class SimulatedQuorum {
  readonly universe: SimulatedUniverse
  readonly members = new Map<number, Member>()
  /** Pairs `from>to` between which nothing passes. */
  readonly cuts = new Set<string>()
  loss: number
  /** What was acknowledged to whoever appended it. */
  readonly acknowledged = new Set<string>()
  readonly violations: string[] = []
  /** Changes of voters that were committed. */
  changes = 0
  readonly #options: QuorumOptions
  /** Committed batches by the offset behind them, whoever said so first. */
  readonly #committed = new Map<number, string>()
  readonly #leaderOf = new Map<number, number>()
  readonly #inFlight = new Set<{ readonly to: number; readonly refuse: () => void }>()
  /** Who got the vote, by voter and epoch. */
  readonly #votes = new Map<string, number>()

  constructor(options: QuorumOptions) {
    this.#options = options
    this.loss = options.loss ?? 0
    this.universe = new SimulatedUniverse(options.seed)
    for (const id of this.voterIds) this.start(id)
    for (const id of options.observers ?? []) this.start(id, { canVote: false })
  }

  get voterIds(): readonly number[] {
    return this.#options.voters ?? [1, 2, 3]
  }
  get nowMs(): number {
    return this.universe.scheduler.nowMs
  }

  machine(id: number): SimulatedMachine {
    return this.universe.machine(`node-${id}`)
  }

  member(id: number): Member {
    return this.members.get(id)!
  }

  /** The member that leads, as it was told itself. */
  get leader(): Member | undefined {
    return [...this.members.values()].filter(member => member.isLeader).sort((a, b) => b.node.raft.epoch - a.node.raft.epoch)[0]
  }

  /** Boots the machine, formats it at first, and starts a node. */
  start(id: number, options: MemberOptions = {}): Member {
    const world = this.machine(id).boot()
    const { disk } = world
    const directoryId = options.directory ?? directoryOf(id)
    if (!disk.exists(directory)) {
      disk.makeDirectory(directory)
      if (this.#options.isDynamic && this.voterIds.includes(id) && !options.directory) this.#format(disk)
    }
    const member: Member = new Member(id, options, member => new RaftNode(this.#nodeOptions(member, world, directoryId)))
    this.members.set(id, member)
    member.node.start()
    return member
  }

  /** The process ends at once; with `power` what was not synced may be lost. */
  crash(id: number, power: boolean): void {
    this.members.delete(id)
    if (power) this.machine(id).losePower()
    else {
      this.machine(id).kill()
      // The operating system that lives on closes the connections.
      for (const request of this.#inFlight) if (request.to === id) request.refuse()
    }
  }

  /** The process ends in the midst of what it does, at the disk operation after the next `operations`. */
  crashWithin(id: number, operations: number, withinMs: number, ended: () => void): void {
    const member = this.members.get(id)
    this.machine(id).dieAtOperation(operations, withinMs, () => {
      if (this.members.get(id) === member) this.crash(id, true)
      ended()
    })
  }

  async stop(id: number): Promise<void> {
    const closed = this.member(id).node.close()
    let isClosed = false
    void closed.finally(() => {
      isClosed = true
    })
    await this.until(() => isClosed, 10_000)
    await closed
    this.members.delete(id)
    this.machine(id).kill()
  }

  cut(from: number, to: number, both = true): void {
    this.cuts.add(`${from}>${to}`)
    if (both) this.cuts.add(`${to}>${from}`)
  }

  isolate(id: number): void {
    for (const other of this.members.keys()) if (other !== id) this.cut(id, other)
  }

  heal(): void {
    this.cuts.clear()
    this.loss = 0
  }

  /** Lets virtual time pass until `done`, or throws after `withinMs`. */
  async until(done: () => boolean, withinMs = 30_000): Promise<void> {
    const reached = await this.universe.scheduler.run({ untilMs: this.nowMs + withinMs, done })
    if (!reached) throw new Error(`not reached in ${withinMs} ms: ${done}`)
  }

  async pass(ms: number): Promise<void> {
    await this.universe.scheduler.run({ untilMs: this.nowMs + ms })
  }

  async elected(): Promise<Member> {
    await this.until(() => this.leader !== undefined)
    return this.leader!
  }

  /** Appends through whoever leads; counts as acknowledged once it is. */
  offer(record: string): void {
    const { leader } = this
    if (!leader) return
    try {
      leader.append(record).then(
        () => this.#isAlive(leader) && this.acknowledged.add(record),
        () => {},
      )
    } catch {}
  }

  /** Asks the leader to take the node in as a voter, or to let it go if it is one; whatever the answer. */
  changeVoter(voterId: number): void {
    const { leader } = this
    if (!leader || voterId > 7) return
    const { voters } = leader.node.voters
    const voterDirectoryId = directoryOf(voterId)
    const isVoter = voters.some(({ id }) => id === voterId)
    if (isVoter && voters.length < 3) return
    const listeners = [{ name: 'CONTROLLER', ...addressOf(voterId) }]
    const answer = isVoter
      ? leader.node.handle(RemoveRaftVoter, 0, { clusterId, voterId, voterDirectoryId }, { listenerName: '' })
      : leader.node.handle(
          AddRaftVoter,
          1,
          { clusterId, timeoutMs: 1000, voterId, voterDirectoryId, listeners, ackWhenCommitted: true },
          { listenerName: '' },
        )
    answer.then(
      ({ errorCode }) => {
        if (errorCode === 0) this.changes++
      },
      () => {},
    )
  }

  /** Runs until all have all that is committed. */
  async settled(withinMs = 30_000): Promise<void> {
    await this.until(() => {
      const all = [...this.members.values()]
      const end = Math.max(...all.map(({ node }) => node.logEndOffset))
      return this.leader !== undefined && all.every(({ node }) => node.logEndOffset === end && node.highWatermark === end)
    }, withinMs)
  }

  #isAlive(member: Member): boolean {
    return this.members.get(member.id) === member && this.machine(member.id).isRunning
  }

  #format(disk: ReturnType<SimulatedMachine['boot']>['disk']): void {
    const voters = this.voterIds.map(id => ({
      id,
      directoryId: directoryOf(id),
      endpoints: [{ name: 'CONTROLLER', ...addressOf(id) }],
    }))
    const batches = checkpointBatches({
      epoch: 0,
      lastContainedLogTimestampMs: 0,
      control: [
        { type: 'KRaftVersion', value: { version: 0, kRaftVersion: 1 } },
        { type: 'KRaftVoters', value: votersRecord(voters) },
      ],
      values: [],
      nowMs: 0,
    })
    writeCheckpointNow(disk, `${directory}/${snapshotName({ endOffset: 0, epoch: 0 })}`, batches)
  }

  #nodeOptions(member: Member, world: ReturnType<SimulatedMachine['boot']>, directoryId: string): RaftNodeOptions<string> {
    const { isDynamic = false, snapshotBytes = 2 ** 30, autoJoin = false, fetchMaxBytes } = this.#options
    const { canVote = true, port, asksForVoters = isDynamic } = member.options
    const { id } = member
    const address = { ...addressOf(id), ...(port === undefined ? {} : { port }) }
    return {
      world,
      logger: silentLogger,
      clusterId,
      nodeId: id,
      directoryId,
      directory,
      openLog: metadataLogIn(world, directory, { segmentBytes: 2000, retentionMs: -1 }),
      canVote,
      staticVoters: asksForVoters ? [] : this.voterIds.map(voter => ({ id: voter, ...addressOf(voter) })),
      bootstrapServers: asksForVoters ? this.voterIds.map(addressOf) : [],
      controllerListenerName: 'CONTROLLER',
      controllerListeners: canVote ? [{ name: 'CONTROLLER', ...address }] : [],
      transport: {
        request: (to, api, body, timeoutMs) => this.#request(id, world, to, api, body, timeoutMs),
      },
      timeouts: {
        ...defaultRaftTimeouts,
        ...(fetchMaxBytes === undefined ? {} : { fetchMaxBytes, fetchSnapshotMaxBytes: fetchMaxBytes }),
      },
      autoJoin,
      snapshots: { maxRecordBytesBetween: snapshotBytes, maxIntervalMs: 0, retentionBytes: 2 * snapshotBytes, retentionMs: -1 },
      state: {
        encode: record => Buffer.from(record),
        decode: value => Buffer.from(value).toString(),
        committed: ({ nextOffset, epoch, records }) => {
          if (this.#isAlive(member)) this.#check(member, nextOffset, `${epoch}:${records.join()}`)
          member.applied.push(...records)
        },
        loadSnapshot: (records, { endOffset }) => {
          member.loaded++
          if (member.isLeader) this.violations.push(`the leader ${id} loaded a snapshot`)
          member.applied.splice(0, member.applied.length, ...records)
          const expected = this.#recordsUpTo(endOffset)
          if (expected && expected.join() !== member.applied.join())
            this.violations.push(`snapshot ${endOffset} of ${id} has ${member.applied.length} records, not ${expected.length}`)
        },
        snapshot: () => [...member.applied],
        leaderChanged: leader => {
          member.leaders.push(leader)
          if (leader.id === id && this.#isAlive(member)) this.#checkLeader(id, leader.epoch)
        },
      },
      failed: error => {
        // What a process does in the rest of its last moment counts no more.
        if (!this.#isAlive(member)) return
        member.failures.push(error)
        this.violations.push(`node ${id} failed: ${error.message}`)
      },
    }
  }

  #check(member: Member, nextOffset: number, batch: string): void {
    const known = this.#committed.get(nextOffset)
    if (known === undefined) this.#committed.set(nextOffset, batch)
    else if (known !== batch) this.violations.push(`offset ${nextOffset} is ${known}, at ${member.id} ${batch}`)
  }

  #checkLeader(id: number, epoch: number): void {
    const known = this.#leaderOf.get(epoch)
    if (known !== undefined && known !== id) this.violations.push(`epoch ${epoch} is led by ${known} and ${id}`)
    this.#leaderOf.set(epoch, id)
    for (const offset of this.#committed.keys())
      if (offset > this.member(id).node.logEndOffset)
        this.violations.push(`leader ${id} of epoch ${epoch} misses offset ${offset}`)
  }

  #checkVote(voter: number, request: VoteRequest, response: VoteResponse): void {
    const { replicaId, replicaEpoch, preVote } = request.topics[0]!.partitions[0]!
    if (preVote || !response.topics[0]?.partitions[0]?.voteGranted) return
    const key = `${voter} in epoch ${replicaEpoch}`
    const known = this.#votes.get(key)
    if (known !== undefined && known !== replicaId) this.violations.push(`${key} voted for ${known} and ${replicaId}`)
    this.#votes.set(key, replicaId)
  }

  #recordsUpTo(endOffset: number): string[] {
    const offsets = [...this.#committed.keys()].filter(offset => offset <= endOffset).sort((a, b) => a - b)
    return offsets.flatMap(offset => this.#committed.get(offset)!.replace(/^\d+:/, '').split(',').filter(Boolean))
  }

  #request<Request, Response>(
    from: number,
    world: ReturnType<SimulatedMachine['boot']>,
    { host, port }: RaftAddress,
    api: Api<Request, Response>,
    body: (version: number) => Draft<Request>,
    timeoutMs: number,
  ): Promise<Response> {
    const { random, scheduler } = this.universe
    const { latencyMs = 2 } = this.#options
    const process = this.machine(from).processId
    const isAlive = () => this.machine(from).isRunning && this.machine(from).processId === process
    const deliver = (source: number, target: number, act: () => void) => {
      if (this.cuts.has(`${source}>${target}`) || random.float() < this.loss) return
      scheduler.after(latencyMs * (0.2 + random.float() * 1.6), act)
    }
    const version = api.request.versions.max
    const request = decode(api.request, version, joined(encode(api.request, version, body(version))))
    return new Promise((resolve, reject) => {
      const timer = world.clock.timer(timeoutMs, () => reject(new Error('timed out')))
      const end = (settle: () => void) => {
        timer.cancel()
        if (isAlive()) settle()
      }
      const refuse = (to: number) => deliver(to, from, () => end(() => reject(unreachable)))
      const to = Number(host.replace('node-', ''))
      deliver(from, to, () => {
        const member = this.members.get(to)
        const listensOn = member?.options.port ?? addressOf(to).port
        if (!member || listensOn !== port || !this.machine(to).isRunning) return refuse(to)
        const target = this.machine(to).processId
        const waiting = { to, refuse: () => refuse(to) }
        this.#inFlight.add(waiting)
        this.#handle(member, api, version, request).then(
          response => {
            this.#inFlight.delete(waiting)
            if (!this.machine(to).isRunning || this.machine(to).processId !== target) return
            if (api.key === Vote.key) this.#checkVote(to, request as VoteRequest, response as VoteResponse)
            const answer = decode(api.response, version, joined(encode(api.response, version, response as Draft<Response>)))
            deliver(to, from, () => end(() => resolve(answer)))
          },
          () => refuse(to),
        )
      })
    })
  }

  async #handle<Request, Response>(
    member: Member,
    api: Api<Request, Response>,
    version: number,
    request: Request,
  ): Promise<Response> {
    if (api.key === ApiVersions.key) {
      const supportedFeatures = [{ name: 'kraft.version', minVersion: 0, maxVersion: 1 }]
      return { errorCode: 0, apiKeys: [], supportedFeatures } as never
    }
    return member.node.handle(api, version, request, { listenerName: 'CONTROLLER' })
  }
}

export function addressOf(id: number): { host: string; port: number } {
  return { host: `node-${id}`, port: 9093 }
}

export function directoryOf(id: number): string {
  return `${String.fromCharCode(65 + id).repeat(21)}A`
}
