import type { CompressionCodec } from '@millrace/protocol'
import type { Random } from '@millrace/runtime'
import type { TopicMetadata } from '../network/metadata.ts'
import type { Packer } from './packer.ts'
import type { ParkedRecord } from './parked-record.ts'
import { PartitionQueue, type QueueTopic } from './partition-queue.ts'
import { StickyPartitioner } from './partitioner.ts'

/** A topic that is produced to: its partitions' queues, and the records that came before its metadata. */
export class TopicQueues implements QueueTopic {
  readonly name: string
  readonly compression: CompressionCodec
  readonly packer: Packer | null
  readonly sticky: StickyPartitioner
  readonly queues: PartitionQueue[] = []
  readonly parked: ParkedRecord[] = []

  constructor(
    name: string,
    compression: CompressionCodec,
    packer: Packer | null,
    random: Random,
    options: { stickyBytes: number; adaptive: boolean },
  ) {
    this.name = name
    this.compression = compression
    this.packer = packer
    this.sticky = new StickyPartitioner(random, options)
  }

  /** Whether records can be given a partition. */
  get isKnown(): boolean {
    return this.queues.length > 0
  }

  /** Takes over what metadata says. Partitions are never taken away: what is in their queues has to end somehow. */
  update(metadata: TopicMetadata | undefined): boolean {
    if (metadata) {
      for (let index = this.queues.length; index < metadata.partitions.length; index++)
        this.queues.push(new PartitionQueue(this, index))
      metadata.partitions.forEach(({ leader }, index) => {
        this.queues[index]!.hasLeader = leader >= 0
      })
    }
    return this.isKnown
  }
}
