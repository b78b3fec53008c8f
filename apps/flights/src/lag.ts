import type { Admin } from '@millrace/client'
import { applicationId } from './topics.ts'

/** Records of the pipeline's input and repartition topics that it has not finished: end offsets minus what its group has committed. */
export async function consumerLag(admin: Admin): Promise<number> {
  const committed = await admin.fetchOffsets(applicationId)
  const inputs = committed.filter(({ topic }) => !topic.endsWith('-changelog'))
  if (inputs.length === 0) return Number.POSITIVE_INFINITY
  const ends = await admin.listOffsets(inputs.map(({ topic, partition }) => ({ topic, partition, timestamp: -1 })))
  return inputs.reduce((lag, { offset }, i) => lag + Math.max(0, ends[i]!.offset - offset), 0)
}
