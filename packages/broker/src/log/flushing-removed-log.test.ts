import { silentLogger } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { defaultLogConfig } from './log-config.ts'
import { LogManager } from './log-manager.ts'
import { fill } from './testing/log-contents.ts'

test('a log that is deleted while it is being flushed does not take its directory for failed', async () => {
  const universe = new SimulatedUniverse(1)
  const machine = universe.machine('broker')
  machine.disk.faults.syncMs = 1000
  const world = machine.boot()
  world.disk.makeDirectory('/data')
  const config = { ...defaultLogConfig, segmentBytes: 200 }
  const manager = new LogManager({ world, logger: silentLogger, directories: ['/data'], configOf: () => config })
  const name = { topic: 'events', topicId: 'g-HqOjpDRLSw1H0WNX9e5A', partition: 0 }
  const log = manager.open(name)
  fill(log, 20)
  expect(log.segmentCount).toBeGreaterThan(1)
  const flushed = log.flush()
  manager.remove(name)
  let isSettled = false
  void flushed.finally(() => {
    isSettled = true
  })
  await universe.scheduler.run({ done: () => isSettled })
  expect(log.failure).toBe(null)
  expect(manager.offlineDirectories).toEqual([])
})
