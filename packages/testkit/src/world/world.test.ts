import type { Socket, World } from '@millrace/runtime'
import { replaceFile, sleep } from '@millrace/runtime'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from './random.ts'
import { SimulatedUniverse } from './world.ts'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

describe('a seeded generator', () => {
  it('gives the same numbers from the same seed, and others from another', () => {
    const numbers = (seed: string) => Array.from({ length: 5 }, (_, i, random = new SeededRandom(seed)) => random.uint32() + i)
    expect(numbers('1')).toEqual(numbers('1'))
    expect(numbers('1')).not.toEqual(numbers('2'))
  })

  it('forks streams that do not shift one another', () => {
    const random = new SeededRandom(7)
    const before = random.fork('disk').uint32()
    random.uint32()
    expect(random.fork('disk').uint32()).toBe(before)
    expect(random.fork('net').uint32()).not.toBe(before)
  })
})

describe('virtual time', () => {
  it('runs timers in the order of their time, then of their creation, promises between them', async () => {
    const universe = new SimulatedUniverse(1)
    const { clock } = universe.machine('a').boot()
    const order: string[] = []
    clock.timer(20, () => order.push('20'))
    clock.timer(10, () => {
      order.push('10 first')
      void Promise.resolve().then(() => order.push('its promise'))
    })
    clock.timer(10, () => order.push('10 second'))
    clock.timer(5, () => order.push('never')).cancel()
    await universe.scheduler.run()
    expect(order).toEqual(['10 first', 'its promise', '10 second', '20'])
    expect(clock.monotonic()).toBe(20)
  })

  it('stops for a process that was killed, and waits for one that is paused', async () => {
    const universe = new SimulatedUniverse(1)
    const order: string[] = []
    const killed = universe.machine('a').boot()
    void sleep(killed.clock, 10).then(() => order.push('killed'))
    const paused = universe.machine('b').boot()
    paused.clock.timer(10, () => order.push(`paused ${paused.clock.monotonic()}`))
    universe.machine('a').kill()
    universe.machine('b').pause(100)
    await universe.scheduler.run()
    expect(order).toEqual(['paused 100'])
  })
})

describe('the simulated disk', () => {
  const write = (world: World, path: string, content: string, sync: boolean) => {
    const file = world.disk.open(path, 'write')
    file.write([Buffer.from(content)], file.sizeBytes)
    if (sync) file.syncNow()
  }

  it('keeps everything when only the process dies', () => {
    const machine = new SimulatedUniverse(1).machine('a')
    const world = machine.boot()
    world.disk.makeDirectory('/data')
    write(world, '/data/x', 'unsynced', false)
    machine.kill()
    expect(() => world.disk.readFile('/data/x')).toThrow('EDEAD')
    expect(text(machine.boot().disk.readFile('/data/x'))).toBe('unsynced')
  })

  it('keeps what was synced when the power fails, and for some seeds loses what was not', () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      const machine = new SimulatedUniverse(seed).machine('a')
      const world = machine.boot()
      world.disk.makeDirectory('/data')
      write(world, '/data/x', 'a'.repeat(600), true)
      world.disk.syncDirectory('/data')
      write(world, '/data/x', 'b'.repeat(1200), false)
      machine.losePower()
      const content = text(machine.boot().disk.readFile('/data/x'))
      expect(content.slice(0, 600)).toBe('a'.repeat(600))
      outcomes.add(content.length === 600 ? 'dropped' : content.length === 1800 ? 'kept' : 'torn')
    }
    expect([...outcomes].sort()).toEqual(['dropped', 'kept', 'torn'])
  })

  it('never leaves half a replaced file, whatever the power does', () => {
    for (let seed = 0; seed < 60; seed++) {
      const machine = new SimulatedUniverse(seed).machine('a')
      const world = machine.boot()
      world.disk.makeDirectory('/data')
      replaceFile(world.disk, '/data/quorum-state', 'old')
      if (seed % 2 === 0) replaceFile(world.disk, '/data/quorum-state', 'new')
      machine.losePower()
      expect(text(machine.boot().disk.readFile('/data/quorum-state'))).toBe(seed % 2 === 0 ? 'new' : 'old')
    }
  })

  it('moves a directory as one when the power fails, and keeps the directories of the files that are there', () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      const machine = new SimulatedUniverse(seed).machine('a')
      const world = machine.boot()
      world.disk.makeDirectory('/data/old')
      for (const name of ['1', '2', '3']) write(world, `/data/old/${name}`, name, true)
      world.disk.syncDirectory('/data/old')
      world.disk.rename('/data/old', '/data/new')
      world.disk.removeDirectory('/data/new')
      machine.losePower()
      const { disk } = machine.boot()
      const found = ['old', 'new'].filter(name => disk.exists(`/data/${name}`) && disk.list(`/data/${name}`).length > 0)
      expect(found.length).toBeLessThan(2)
      for (const name of found) expect(disk.stat(`/data/${name}`).isDirectory).toBe(true)
      outcomes.add(found.join())
    }
    expect(outcomes).toContain('old')
    expect(outcomes).toContain('new')
  })

  it('takes what still fits when it runs full', () => {
    const machine = new SimulatedUniverse(1).machine('a')
    const world = machine.boot()
    machine.disk.faults.freeBytes = 10
    expect(() => write(world, '/x', 'more than ten', false)).toThrow('ENOSPC')
    expect(text(world.disk.readFile('/x'))).toBe('more than ')
  })

  it('runs full, and fails when it is told to', () => {
    const machine = new SimulatedUniverse(1).machine('a')
    const world = machine.boot()
    machine.disk.faults.freeBytes = 10
    expect(() => write(world, '/x', 'more than ten', false)).toThrow('ENOSPC')
    machine.disk.faults.freeBytes = Infinity
    machine.disk.faults.failWith = 'EROFS'
    expect(() => write(world, '/y', 'a', false)).toThrow('EROFS')
  })
})

describe('the simulated network', () => {
  async function connected(universe: SimulatedUniverse) {
    const received: string[] = []
    const events: string[] = []
    const server = universe.machine('server').boot()
    const client = universe.machine('client').boot()
    let accepted!: Socket
    await server.net.listen({ host: 'server', port: 9092 }, socket => {
      accepted = socket
      socket.receive({
        data: bytes => received.push(text(bytes)),
        drain: () => {},
        close: error => events.push(error?.message ?? 'end'),
      })
    })
    let socket!: Socket
    void client.net.connect({ host: 'server', port: 9092, timeoutMs: 1000 }).then(opened => {
      socket = opened
      socket.receive({
        data: () => {},
        drain: () => events.push('drain'),
        close: error => events.push(`client ${error?.message ?? 'end'}`),
      })
    })
    await universe.scheduler.run()
    return { received, events, socket, accepted }
  }

  it('delivers every byte in order, in arbitrary pieces, and then the end', async () => {
    const universe = new SimulatedUniverse(3)
    universe.net.faults.maxChunkBytes = 7
    const { received, events, socket } = await connected(universe)
    socket.write([Buffer.from('the quick brown fox '), Buffer.from('jumps over the lazy dog')])
    socket.end()
    await universe.scheduler.run()
    expect(received.join('')).toBe('the quick brown fox jumps over the lazy dog')
    expect(received.length).toBeGreaterThan(3)
    expect(events.sort()).toEqual(['client end', 'end'])
    expect(universe.net.openConnections).toBe(0)
  })

  it('holds back a writer whose reader does not read, and lets it go on after', async () => {
    const universe = new SimulatedUniverse(3)
    universe.net.faults.maxChunkBytes = 1024
    const { received, events, socket, accepted } = await connected(universe)
    accepted.pause()
    expect(socket.write([Buffer.alloc(200_000)])).toBe(false)
    await universe.scheduler.run()
    expect(socket.bufferedBytes).toBeGreaterThan(100_000)
    accepted.resume()
    await universe.scheduler.run()
    expect(received.join('').length).toBe(200_000)
    expect(events).toEqual(['drain'])
  })

  it('resets the connections of a killed process, and refuses new ones', async () => {
    const universe = new SimulatedUniverse(3)
    const { events } = await connected(universe)
    universe.machine('server').kill()
    await universe.scheduler.run()
    expect(events).toEqual(['client socket: ECONNRESET'])
    const failure = universe.machine('other').boot().net.connect({ host: 'server', port: 9092, timeoutMs: 1000 })
    const refused = expect(failure).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await universe.scheduler.run()
    await refused
  })

  it('does not tell the peer of a machine that lost its power before it is up again; nobody refuses connections there', async () => {
    const universe = new SimulatedUniverse(3)
    const { events } = await connected(universe)
    universe.machine('server').losePower()
    await universe.scheduler.run()
    expect(events).toEqual([])
    const failure = universe.machine('other').boot().net.connect({ host: 'server', port: 9092, timeoutMs: 1000 })
    const silent = expect(failure).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    await universe.scheduler.run()
    await silent
    universe.machine('server').boot()
    await universe.scheduler.run()
    expect(events).toEqual(['client socket: ECONNRESET'])
  })

  it('does not tell of a death over a blocked link', async () => {
    const universe = new SimulatedUniverse(3)
    const { events } = await connected(universe)
    const unblock = universe.net.block('server', 'client')
    universe.machine('server').kill()
    await universe.scheduler.run()
    expect(events).toEqual([])
    unblock()
    await universe.scheduler.run()
    expect(events).toEqual(['client socket: ECONNRESET'])
  })

  it('carries nothing as long as one of several blocks of a link lasts', async () => {
    const universe = new SimulatedUniverse(3)
    const { received, socket } = await connected(universe)
    const first = universe.net.block('client', 'server')
    const second = universe.net.block('client', 'server')
    socket.write([Buffer.from('late')])
    first()
    first()
    await universe.scheduler.run()
    expect(received).toEqual([])
    second()
    await universe.scheduler.run()
    expect(received).toEqual(['late'])
  })

  it('carries nothing over a blocked link until it is healed', async () => {
    const universe = new SimulatedUniverse(3)
    const { received, socket } = await connected(universe)
    universe.net.block('client', 'server')
    socket.write([Buffer.from('late')])
    await universe.scheduler.run()
    expect(received).toEqual([])
    universe.net.heal()
    await universe.scheduler.run()
    expect(received).toEqual(['late'])
  })
})
