import { BrokerHeartbeat } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { administratorRefusals } from './cluster-errors/administrators.ts'
import { brokerRefusals } from './cluster-errors/brokers.ts'
import { followerRefusals } from './cluster-errors/followers.ts'
import { inSyncSetRefusals } from './cluster-errors/in-sync-sets.ts'
import { quorumRefusals } from './cluster-errors/quorum.ts'
import { clusterErrorsScene } from './cluster-errors/scene.ts'
import { topicRefusals } from './cluster-errors/topics.ts'
import type { Maker } from './cluster-harness.ts'

/** What a cluster answers to requests that it must refuse: the error of each, which is Apache Kafka's. */
export function clusterErrorsSuite(maker: Maker): void {
  const scene = clusterErrorsScene(maker)
  const cases = {
    ...brokerRefusals(scene),
    ...inSyncSetRefusals(scene),
    ...topicRefusals(scene),
    ...followerRefusals(scene),
    ...quorumRefusals(scene),
    ...administratorRefusals(scene),
  }

  for (const [subject, refusals] of Object.entries(cases))
    describe(subject, () => {
      for (const [title, [ask, expected]] of Object.entries(refusals))
        test(title, async () => {
          const answer = await ask()
          if (typeof expected === 'string') expect(answer).toBe(expected)
          else expect(answer).toMatch(expected)
        })
    })

  test('nothing of it changed anything', async () => {
    const before = await scene.controller(BrokerHeartbeat, 1, scene.heartbeat())
    expect(before).toMatchObject({ errorCode: 0, isFenced: false })
    expect(await scene.changed()).toBe('NONE')
  })
}
