import type { MetadataChange } from '../services.ts'
import type { MetadataImage } from './image.ts'
import { partitionRecordOf, type TopicImage } from './partition-image.ts'

const configTypes = [2, 4, 8, 16, 32]

/** What changed from one image to another one that was not made from it, as one change: a snapshot replaces what was followed so far. */
export function metadataDifference(before: MetadataImage, after: MetadataImage): MetadataChange {
  const topics = [...after.topics()].filter(topic => !sameTopic(before.topicById(topic.topicId), topic))
  const deletedTopics = [...before.topics()].filter(({ topicId }) => after.topicById(topicId) === undefined)
  return {
    topics,
    deletedTopics,
    configs: configTypes.flatMap(type =>
      [...new Set([...before.configured(type), ...after.configured(type)])]
        .filter(name => !sameSettings(before.dynamicConfig(type, name), after.dynamicConfig(type, name)))
        .map(name => ({ type, name })),
    ),
    brokersChanged: JSON.stringify(registrations(before)) !== JSON.stringify(registrations(after)),
  }
}

function sameTopic(before: TopicImage | undefined, after: TopicImage): boolean {
  if (before === undefined || before.name !== after.name || before.partitions.length !== after.partitions.length) return false
  const text = ({ topicId, partitions }: TopicImage, index: number) =>
    JSON.stringify(partitionRecordOf(topicId, index, partitions[index]!))
  return after.partitions.every((_, index) => text(before, index) === text(after, index))
}

function sameSettings(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): boolean {
  return before.size === after.size && [...before].every(([key, value]) => after.get(key) === value)
}

function registrations(image: MetadataImage): unknown[] {
  return [...image.brokers()].map(({ registration }) => registration).sort((one, other) => one.brokerId - other.brokerId)
}
