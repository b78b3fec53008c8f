import { ClassicGroup } from './classic-group.ts'
import type { GroupMetadata } from './group-records.ts'
import { OffsetTable } from './offset-table.ts'

/**
 * A group: what its log says (`stored`, `offsets`: changed by `apply` alone) and the members that act on it. A group that only ever
 * committed offsets has no protocol type and stays Empty (Kafka's "simple" group).
 */
export class Group {
  readonly id: string
  stored: GroupMetadata | null = null
  readonly offsets = new OffsetTable()
  classic: ClassicGroup

  constructor(id: string, nowMs: number) {
    this.id = id
    this.classic = new ClassicGroup(id, nowMs)
  }

  /** Nothing of it is in the log and nobody is in it: it may be forgotten without a record. */
  get isVacant(): boolean {
    const { members, pendingJoin } = this.classic
    return this.stored === null && this.offsets.isEmpty && members.size === 0 && pendingJoin.size === 0
  }
}
