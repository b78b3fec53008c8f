import { DeleteTopics, ErrorCode, errorOf, type KafkaError, Metadata, zeroUuid } from '@millrace/protocol'
import type { Cluster } from '../cluster.ts'
import { DisconnectedError, TimeoutError } from '../errors.ts'

const timeoutMs = 30_000

/**
 * Deletes topics. Rejects with the KafkaError of the first that failed (UNKNOWN_TOPIC_OR_PARTITION, TOPIC_DELETION_DISABLED, …) after all were tried.
 *
 * By id where the broker tells one: a request that was lost and is sent again, by this client or between brokers, may be carried out twice, and must not hit a topic that was
 * made under the same name meanwhile.
 */
export async function deleteTopics(cluster: Cluster, topics: readonly string[]): Promise<void> {
  let open = [...new Set(topics)]
  const ids = new Map<string, string>()
  let final: KafkaError | undefined
  /** Some attempt may have been carried out without our knowing. */
  let isUncertain = false
  await cluster.retry('DeleteTopics', async () => {
    await lookUp(cluster, open, ids)
    const asked = open.map(name => ({ name, topicId: ids.get(name) ?? zeroUuid }))
    const answer = await cluster
      .requestAny(DeleteTopics, version =>
        version >= 6
          ? { topics: asked.map(({ name, topicId }) => (topicId === zeroUuid ? { name } : { name: null, topicId })), timeoutMs }
          : { topicNames: open, timeoutMs },
      )
      .catch(error => {
        if (error instanceof DisconnectedError || error instanceof TimeoutError) isUncertain = true
        throw error
      })
    const again: string[] = []
    let retriable: KafkaError | undefined
    for (const { name, topicId } of asked) {
      const { errorCode, errorMessage } =
        answer.responses.find(each => (topicId === zeroUuid ? each.name === name : each.topicId === topicId)) ??
        answer.responses.find(each => each.name === name) ??
        leftOut
      if (errorCode === ErrorCode.NONE) continue
      if (errorCode === ErrorCode.UNKNOWN_TOPIC_ID && isUncertain) continue
      const error = errorOf(errorCode, errorMessage ? `${errorMessage} (topic ${name})` : `Topic ${name}`)
      if (mayPass.has(errorCode)) {
        retriable = error
        again.push(name)
        // The broker that was asked for the id may have lagged behind.
        ids.delete(name)
      } else {
        final ??= error
      }
    }
    open = again
    if (retriable) throw retriable
  })
  if (final) throw final
  for (const topic of topics) cluster.metadata.untrack(topic)
}

const leftOut = { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, errorMessage: 'The broker left it out' }
const mayPass: ReadonlySet<number> = new Set([ErrorCode.NOT_CONTROLLER, ErrorCode.UNKNOWN_TOPIC_ID])

/** What the names mean now. One that a broker does not know is left to the controller, which answers for it. */
async function lookUp(cluster: Cluster, names: readonly string[], ids: Map<string, string>): Promise<void> {
  const unknown = names.filter(name => !ids.has(name))
  if (unknown.length === 0) return
  const response = await cluster.requestAny(Metadata, {
    topics: unknown.map(name => ({ name })),
    allowAutoTopicCreation: false,
  })
  for (const { name, topicId, errorCode } of response.topics)
    if (errorCode === ErrorCode.NONE && name !== null && topicId !== zeroUuid) ids.set(name, topicId)
}
