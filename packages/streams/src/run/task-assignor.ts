import type { AssignmentMetadata, Assignor, GroupMember, MemberAssignment, TopicPartition } from '@millrace/client'
import type { Subtopology, Topology } from '../topology/topology.ts'

/** What a member tells the leader with its subscription. */
export interface MemberState {
  /** Tasks it was running. */
  readonly active: readonly string[]
  /** Tasks of which it has state on disk. */
  readonly local: readonly string[]
}

export function encodeMemberState(state: MemberState): Uint8Array {
  return Buffer.from(JSON.stringify({ v: 1, ...state }))
}

export function decodeMemberState(bytes: Uint8Array | null): MemberState {
  try {
    const parsed = JSON.parse(Buffer.from(bytes!).toString())
    const names = (list: unknown) => (Array.isArray(list) ? list.filter(name => typeof name === 'string') : [])
    return { active: names(parsed.active), local: names(parsed.local) }
  } catch {
    return { active: [], local: [] }
  }
}

/**
 * Gives tasks to instances: all partitions of a task to one member; no member has two tasks more than another; a task stays with the member that ran it, or
 * goes to one that has its state, as far as that allows; and the tasks of one subtopology are spread, as they are likely to cost the same.
 */
export class TaskAssignor implements Assignor {
  readonly name = 'millrace-streams'
  readonly #topology: Topology
  readonly #state: () => MemberState
  readonly #partitionCounts: ReadonlyMap<string, number>

  /** `state`: of this member, asked for before it joins. `partitionCounts`: for topics that were made a moment ago, which metadata may not have yet. */
  constructor(topology: Topology, state: () => MemberState, partitionCounts: ReadonlyMap<string, number>) {
    this.#topology = topology
    this.#state = state
    this.#partitionCounts = partitionCounts
  }

  userData(): Uint8Array {
    return encodeMemberState(this.#state())
  }

  assign(members: readonly GroupMember[], metadata: AssignmentMetadata): ReadonlyMap<string, MemberAssignment> {
    const partitionCount = (topic: string) => metadata.partitionCount(topic) || (this.#partitionCounts.get(topic) ?? 0)
    const tasks = this.#topology.subtopologies.flatMap(subtopology => tasksOf(subtopology, partitionCount))
    const states = new Map(
      [...members]
        .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
        .map(({ memberId, userData }) => [memberId, decodeMemberState(userData)]),
    )
    const assigned = assignTasks(
      tasks.map(({ id }) => id),
      states,
    )
    const partitionsOf = new Map(tasks.map(({ id, partitions }) => [id, partitions]))
    return new Map([...assigned].map(([memberId, ids]) => [memberId, { partitions: ids.flatMap(id => partitionsOf.get(id)!) }]))
  }
}

export interface TaskPartitions {
  /** `subtopology_partition`. */
  readonly id: string
  readonly subtopology: Subtopology
  readonly partition: number
  readonly partitions: readonly TopicPartition[]
}

/** The tasks of a subtopology: as many as its largest source topic has partitions. */
export function tasksOf(subtopology: Subtopology, partitionCount: (topic: string) => number): TaskPartitions[] {
  const count = Math.max(0, ...subtopology.sources.map(({ topic }) => partitionCount(topic)))
  return Array.from({ length: count }, (_, partition) => ({
    id: `${subtopology.id}_${partition}`,
    subtopology,
    partition,
    partitions: subtopology.sources
      .filter(({ topic }) => partition < partitionCount(topic))
      .map(({ topic }) => ({ topic, partition })),
  }))
}

/** Task ids by member; every task once. Deterministic in the order of both. */
export function assignTasks(tasks: readonly string[], members: ReadonlyMap<string, MemberState>): Map<string, string[]> {
  const assigned = new Map([...members.keys()].map(member => [member, [] as string[]]))
  if (members.size === 0) return assigned
  const open = new Set(tasks)
  const least = Math.floor(tasks.length / members.size)
  let withOneMore = tasks.length % members.size
  const hasRoom = (member: string) => {
    const has = assigned.get(member)!.length
    return has < least || (has === least && withOneMore > 0)
  }
  const give = (member: string, task: string) => {
    const list = assigned.get(member)!
    if (list.length === least) withOneMore--
    list.push(task)
    open.delete(task)
  }
  for (const claims of ['active', 'local'] as const)
    for (const task of [...open])
      for (const [member, state] of members)
        if (state[claims].includes(task) && hasRoom(member)) {
          give(member, task)
          break
        }
  for (const task of [...open]) {
    const subtopology = task.slice(0, task.indexOf('_') + 1)
    const alike = (member: string) => assigned.get(member)!.filter(other => other.startsWith(subtopology)).length
    const [member] = [...members.keys()]
      .filter(hasRoom)
      .sort((a, b) => assigned.get(a)!.length - assigned.get(b)!.length || alike(a) - alike(b))
    give(member!, task)
  }
  return assigned
}
