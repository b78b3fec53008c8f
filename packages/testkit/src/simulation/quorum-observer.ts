import type { SimulatedNode } from './simulated-node.ts'

/** What is remembered of a node over all its processes, until it loses its disk. */
interface Memory {
  readonly disks: number
  epoch: number
  votedId: number
  process: number
  appliedOffset: number
  /** The epoch in which it led when it was last looked at, and what was committed; -1: it did not lead. */
  ledEpoch: number
  committed: number
}

/** Looks into the metadata quorum between events: epochs, votes and leaders. Its log is one of those that the `ReplicaObserver` looks at. */
export class QuorumObserver {
  readonly #fail: (failure: string) => void
  readonly #memories = new Map<SimulatedNode, Memory>()
  readonly #leaders = new Map<number, number>()

  constructor(fail: (failure: string) => void) {
    this.#fail = fail
  }

  /** After each event, at the nodes that it touched: no epoch goes back, nobody votes twice in one, and it has one leader. */
  look(nodes: readonly SimulatedNode[]): void {
    for (const node of nodes) if (node.isRunning) this.#lookAt(node)
  }

  #lookAt(node: SimulatedNode): void {
    const { raft, metadata } = node.insides
    if (raft === undefined) return
    const { epoch, votedId, leaderId, role } = raft.raft
    const memory = this.#memory(node)
    if (epoch < memory.epoch) this.#broken(node, `its epoch went from ${memory.epoch} back to ${epoch}`)
    if (epoch > memory.epoch) {
      memory.epoch = epoch
      memory.votedId = -1
    }
    if (votedId >= 0 && memory.votedId >= 0 && votedId !== memory.votedId)
      this.#broken(node, `in epoch ${epoch} it voted for ${memory.votedId} and for ${votedId}`)
    if (votedId >= 0) memory.votedId = votedId
    if (role === 'leader') this.#believe(node, epoch, node.plan.id)
    else if (leaderId >= 0) this.#believe(node, epoch, leaderId)
    this.#lookAtCommits(node, memory)
    if (metadata === undefined) return
    if (memory.process === node.machine.processId && metadata.appliedOffset < memory.appliedOffset)
      this.#broken(node, `its metadata went from offset ${memory.appliedOffset} back to ${metadata.appliedOffset}`)
    memory.process = node.machine.processId
    memory.appliedOffset = metadata.appliedOffset
  }

  /** A leader commits nothing of former epochs before it commits something of its own (Raft §5.4.2). */
  #lookAtCommits(node: SimulatedNode, memory: Memory): void {
    const { epoch, progress, highWatermark } = node.insides.raft!.raft
    const wasLeading = memory.ledEpoch === epoch && memory.process === node.machine.processId
    if (progress !== null && wasLeading && highWatermark > memory.committed && highWatermark <= progress.epochStartOffset)
      this.#broken(
        node,
        `the leader of epoch ${epoch}, which begins at ${progress.epochStartOffset}, committed from ${memory.committed} to ${highWatermark}`,
      )
    memory.ledEpoch = progress === null ? -1 : epoch
    memory.committed = highWatermark
  }

  #believe(node: SimulatedNode, epoch: number, leader: number): void {
    const known = this.#leaders.get(epoch)
    if (known === undefined) this.#leaders.set(epoch, leader)
    else if (known !== leader) this.#broken(node, `epoch ${epoch} has the leaders ${known} and ${leader}`)
  }

  #memory(node: SimulatedNode): Memory {
    let memory = this.#memories.get(node)
    if (memory === undefined || memory.disks !== node.disks) {
      memory = { disks: node.disks, epoch: 0, votedId: -1, process: -1, appliedOffset: -1, ledEpoch: -1, committed: -1 }
      this.#memories.set(node, memory)
    }
    return memory
  }

  #broken(node: SimulatedNode, what: string): void {
    this.#fail(`invariant of the quorum on ${node.plan.host}: ${what}`)
  }
}
