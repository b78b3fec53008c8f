import { describe } from 'vitest'
import { administrationTests } from './client/administration.ts'
import { groupTests } from './client/groups.ts'
import { positionTests } from './client/positions.ts'
import { producingTests } from './client/producing.ts'
import { clientScene, type Target } from './client/scene.ts'

/** What the client promises, against a real broker: the same tests for Apache Kafka and for ours. */
export function clientSuite(name: string, startTarget: () => Promise<Target>): void {
  describe(`client against ${name}`, () => {
    const scene = clientScene(startTarget)
    producingTests(scene)
    positionTests(scene)
    groupTests(scene)
    administrationTests(scene)
  })
}
