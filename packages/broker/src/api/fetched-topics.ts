import type { Draft, FetchResponse } from '@millrace/protocol'
import type { FetchTarget } from '../fetch/session.ts'
import type { FetchedRecords } from '../partition/fetch-query.ts'
import type { Mutable } from './handler.ts'

/** One partition of a Fetch response. */
export type FetchedPartition = Mutable<Draft<FetchResponse['responses'][number]['partitions'][number]>>

interface FetchedTopic {
  readonly topic: string
  readonly topicId: string
  readonly partitions: FetchedPartition[]
}

const noRecords = new Uint8Array(0)

/** What a fetch answers, topic by topic in the order of its partitions. */
export class FetchedTopics {
  readonly responses: FetchedTopic[] = []
  readonly #usesTopicIds: boolean

  constructor(usesTopicIds: boolean) {
    this.#usesTopicIds = usesTopicIds
  }

  add({ topic, topicId }: FetchTarget, partition: FetchedPartition): void {
    let last = this.responses.at(-1)
    if (last === undefined || (this.#usesTopicIds ? last.topicId !== topicId : last.topic !== topic))
      this.responses.push((last = { topic, topicId, partitions: [] }))
    last.partitions.push(partition)
  }
}

/** What was read, or how it was refused, as a Fetch response says it. */
export function fetchedPartition(partitionIndex: number, fetched: FetchedRecords): FetchedPartition {
  const { errorCode, highWatermark, lastStableOffset, logStartOffset, recordBytes, chunks, divergingEpoch } = fetched
  return {
    partitionIndex,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions: null,
    records: recordBytes > 0 ? chunks : noRecords,
    ...(divergingEpoch ? { divergingEpoch } : {}),
  }
}
