import { ErrorCode } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { until } from './reading.ts'
import type { ClientScene } from './scene.ts'

/** What administrators ask. */
export function administrationTests(scene: ClientScene): void {
  const { fresh, topicOf } = scene

  describe('administration', () => {
    it('makes, describes, changes and deletes topics', async () => {
      const topic = fresh('admin')
      const [made] = await scene.admin.createTopics([
        { topic, partitions: 3, replicationFactor: 1, configs: { 'retention.ms': '5000' } },
      ])
      expect(made).toMatchObject({ topic, partitions: 3, replicationFactor: 1 })
      await expect(scene.admin.createTopics([{ topic }])).rejects.toMatchObject({ errorCode: ErrorCode.TOPIC_ALREADY_EXISTS })
      await expect(scene.admin.createTopics([{ topic: 'a/b' }])).rejects.toMatchObject({
        errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION,
      })
      await expect(scene.admin.createTopics([{ topic: fresh('bad'), configs: { 'retention.ms': 'x' } }])).rejects.toMatchObject({
        errorCode: ErrorCode.INVALID_CONFIG,
      })
      // The controller knows of a change a moment before the broker that is asked.
      const isListed = async () => (await scene.admin.listTopics()).some(listed => listed.topic === topic)
      await until(isListed)
      const [description] = await scene.admin.describeTopics([topic])
      expect(description).toMatchObject({ topic, topicId: made!.topicId, isInternal: false })
      expect(description!.partitions.map(({ partition, replicas }) => [partition, replicas.length])).toEqual([
        [0, 1],
        [1, 1],
        [2, 1],
      ])
      const settings = async () => {
        const [described] = await scene.admin.describeConfigs([
          { type: 'topic', name: topic, keys: ['retention.ms', 'cleanup.policy'] },
        ])
        return Object.fromEntries(described!.entries.map(({ name, value, isDefault }) => [name, [value, isDefault]]))
      }
      expect(await settings()).toEqual({ 'retention.ms': ['5000', false], 'cleanup.policy': ['delete', true] })
      await scene.admin.incrementalAlterConfigs([
        {
          type: 'topic',
          name: topic,
          changes: [
            { name: 'retention.ms', operation: 'delete' },
            { name: 'cleanup.policy', operation: 'append', value: 'compact' },
          ],
        },
      ])
      await until(async () => (await settings())['retention.ms']![1] === true)
      expect(await settings()).toEqual({ 'retention.ms': ['604800000', true], 'cleanup.policy': ['delete,compact', false] })
      await scene.admin.deleteTopics([topic])
      await until(async () => !(await isListed()))
      await expect(scene.admin.deleteTopics([topic])).rejects.toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })
    })

    it('describes the cluster and its quorum', async () => {
      const { brokers, clusterId, controllerId } = await scene.admin.describeCluster()
      expect(clusterId).toMatch(/^[\w-]{22}$/)
      expect(brokers.map(({ host, port }) => `${host}:${port}`)).toContain(scene.bootstrapServers)
      expect(brokers.map(({ nodeId }) => nodeId)).toContain(controllerId)
      const quorum = await scene.admin.describeQuorum()
      expect(quorum.voters.map(({ replicaId }) => replicaId)).toContain(quorum.leaderId)
      expect(quorum.highWatermark).toBeGreaterThan(0)
    })

    it('sets and reads offsets of a group, and deletes it', async () => {
      const topic = await topicOf(2)
      const groupId = fresh('group')
      await scene.admin.commitOffsets(groupId, [
        { topic, partition: 0, offset: 7, metadata: 'm' },
        { topic, partition: 1, offset: 8 },
      ])
      expect(
        await scene.admin.fetchOffsets(groupId, [
          { topic, partition: 1 },
          { topic, partition: 0 },
        ]),
      ).toMatchObject([{ offset: 8 }, { offset: 7, metadata: 'm' }])
      expect((await scene.admin.fetchOffsets(groupId)).length).toBe(2)
      expect((await scene.admin.listGroups()).find(group => group.groupId === groupId)).toMatchObject({ state: 'Empty' })
      await scene.admin.deleteGroups([groupId])
      expect(await scene.admin.fetchOffsets(groupId)).toEqual([])
      await expect(scene.admin.deleteGroups([groupId])).rejects.toMatchObject({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND })
    })
  })
}
