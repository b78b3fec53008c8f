import { silentLogger } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { defaultLogConfig } from './log-config.ts'
import { LogManager } from './log-manager.ts'
import { fill } from './testing/log-contents.ts'

test('a checkpoint that is being written while the logs are closed does not replace the last one', async () => {
  const universe = new SimulatedUniverse(1)
  const machine = universe.machine('broker')
  machine.disk.faults.syncMs = 1000
  const world = machine.boot()
  world.disk.makeDirectory('/data')
  const manager = new LogManager({ world, logger: silentLogger, directories: ['/data'], configOf: () => defaultLogConfig })
  const log = manager.open({ topic: 'events', topicId: 'g-HqOjpDRLSw1H0WNX9e5A', partition: 0 })
  fill(log, 5)
  log.highWatermark = 3
  void manager.checkpointHighWatermarks()
  void manager.checkpointRecoveryPoints()
  log.highWatermark = 15
  let isClosed = false
  void manager.close().then(() => {
    isClosed = true
  })
  await universe.scheduler.run({ done: () => isClosed })
  expect(machine.pendingTimers).toBe(0)
  await universe.scheduler.run()
  const files = world.disk.list('/data')
  expect(files.filter(name => name.endsWith('.tmp'))).toEqual([])
  for (const file of ['replication-offset-checkpoint', 'recovery-point-offset-checkpoint'])
    expect(world.disk.readFile(`/data/${file}`).toString()).toContain('events 0 15\n')
})
