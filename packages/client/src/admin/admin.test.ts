import { CreatePartitions, CreateTopics, DeleteTopics, ErrorCode, IncrementalAlterConfigs } from '@millrace/protocol'
import { SimulatedUniverse } from '@millrace/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeBroker } from '../testing/fake-broker.ts'
import { settledIn } from '../testing/settled.ts'
import { Admin } from './admin.ts'

let universe: SimulatedUniverse
let broker: FakeBroker
let admin: Admin
beforeEach(async () => {
  universe = new SimulatedUniverse(2)
  broker = new FakeBroker('broker')
  await broker.listen(universe.machine('broker').boot())
  admin = new Admin({ world: universe.machine('client').boot(), bootstrapServers: broker.bootstrapServers })
})

describe('when the controller moves', () => {
  /** NOT_CONTROLLER twice, then success. */
  const codes = () => {
    const left = [ErrorCode.NOT_CONTROLLER, ErrorCode.NOT_CONTROLLER]
    return () => left.shift() ?? ErrorCode.NONE
  }

  it('topics are created, changed and deleted all the same', async () => {
    const [create, remove, grow, alter] = [codes(), codes(), codes(), codes()]
    broker.on(CreateTopics, ({ body }) => ({ topics: body.topics.map(({ name }) => ({ name, errorCode: create() })) }))
    broker.topics.set('t', 1)
    broker.on(DeleteTopics, ({ body }) => ({
      responses: body.topics.map(({ topicId }) => ({ name: 't', topicId, errorCode: remove() })),
    }))
    broker.on(CreatePartitions, ({ body }) => ({ results: body.topics.map(({ name }) => ({ name, errorCode: grow() })) }))
    broker.on(IncrementalAlterConfigs, ({ body }) => ({
      responses: body.resources.map(({ resourceType, resourceName }) => ({ resourceType, resourceName, errorCode: alter() })),
    }))
    const calls = [
      () => admin.createTopics([{ topic: 't' }]),
      () => admin.createPartitions([{ topic: 't', count: 2 }]),
      () => admin.incrementalAlterConfigs([{ type: 'topic', name: 't', changes: [{ name: 'retention.ms', value: '1' }] }]),
      () => admin.deleteTopics(['t']),
    ]
    for (const call of calls) expect((await settledIn(universe, call() as Promise<unknown>)).error).toBeUndefined()
    for (const api of [CreateTopics, DeleteTopics, CreatePartitions, IncrementalAlterConfigs])
      expect(broker.of<unknown>(api)).toHaveLength(3)
  })

  it('a deletion that is sent again hits nothing that was made under the same name meanwhile', async () => {
    broker.topics.set('t', 1)
    const topicId = broker.topicId('t')
    let isFirst = true
    broker.on(DeleteTopics, ({ body }) => {
      expect(body.topics).toEqual([{ name: null, topicId }])
      if (isFirst) {
        isFirst = false
        // Carried out, and the answer lost.
        return 'cut'
      }
      return { responses: [{ name: null, topicId, errorCode: ErrorCode.UNKNOWN_TOPIC_ID }] }
    })
    expect((await settledIn(universe, admin.deleteTopics(['t']))).error).toBeUndefined()
    expect(broker.of(DeleteTopics)).toHaveLength(2)
  })

  it('a topic that the asked broker does not know is the controller’s to answer for', async () => {
    broker.on(DeleteTopics, ({ body }) => ({
      responses: body.topics.map(({ name }) => ({ name, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })),
    }))
    expect((await settledIn(universe, admin.deleteTopics(['new']))).error).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    expect(broker.of(DeleteTopics)[0]!.body.topics).toMatchObject([{ name: 'new' }])
  })

  it('what is refused for good is told at once', async () => {
    broker.on(DeleteTopics, () => ({ responses: [{ name: 't', errorCode: ErrorCode.TOPIC_DELETION_DISABLED }] }))
    expect((await settledIn(universe, admin.deleteTopics(['t']))).error).toMatchObject({ code: 'TOPIC_DELETION_DISABLED' })
    expect(broker.of(DeleteTopics)).toHaveLength(1)
  })
})
