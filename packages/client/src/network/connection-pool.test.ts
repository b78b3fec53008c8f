import { silentLogger } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { expect, it } from 'vitest'
import { settledIn } from '../testing/settled.ts'
import { ConnectionPool } from './connection-pool.ts'

it('a pool that closes tells those who wait for a connection at once, and leaves nothing behind', async () => {
  const universe = new SimulatedUniverse(1)
  const machine = universe.machine('client')
  const pool = new ConnectionPool({
    world: machine.boot(),
    clientId: 'test',
    connectTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    maxInFlightRequests: 5,
    maxResponseBytes: 1_000_000,
    reconnectBackoffMs: 50,
    reconnectBackoffMaxMs: 1_000,
    logger: silentLogger,
  })
  universe.net.block('client', 'broker')
  const waiting = pool.connect({ host: 'broker', port: 9092 }, 'coordinator')
  pool.close()
  expect((await settledIn(universe, waiting)).error).toMatchObject({ code: 'CLOSED' })
  expect([universe.scheduler.nowMs, machine.pendingTimers]).toEqual([0, 0])
})
