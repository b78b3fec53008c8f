import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { replaceFile } from '../replace-file.ts'
import type { Socket } from '../world.ts'
import { nodeWorld } from './world.ts'

const world = nodeWorld()
let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-runtime-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

describe("Node's disk", () => {
  it('writes a list of chunks at a position, reads them back and knows the size', () => {
    const file = world.disk.open(join(directory, 'a'), 'write')
    file.write([Buffer.from('ab'), Buffer.from('cd')], 0)
    file.write([Buffer.from('X')], 1)
    expect(file.sizeBytes).toBe(4)
    const into = Buffer.alloc(10)
    expect(file.read(into, 1)).toBe(3)
    expect(into.toString('latin1', 0, 3)).toBe('Xcd')
    file.truncate(2)
    expect(file.sizeBytes).toBe(2)
    file.close()
    expect(world.disk.readFile(join(directory, 'a')).toString()).toBe('aX')
  })

  it("fails with the operating system's code and the path", () => {
    expect(() => world.disk.open(join(directory, 'none'), 'read')).toThrow(
      expect.objectContaining({ code: 'ENOENT', path: join(directory, 'none') }),
    )
  })

  it('makes a directory with its parents, once and again, and says when it cannot', () => {
    world.disk.makeDirectory(join(directory, 'a/b/c'))
    world.disk.makeDirectory(join(directory, 'a/b/c'))
    expect(world.disk.stat(join(directory, 'a/b/c')).isDirectory).toBe(true)
    world.disk.open(join(directory, 'file'), 'write').close()
    expect(() => world.disk.makeDirectory(join(directory, 'file'))).toThrow(expect.objectContaining({ code: 'EEXIST' }))
    expect(() => world.disk.makeDirectory(join(directory, 'file/a'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }))
  })

  it.runIf(process.platform === 'linux')('says so where the system makes no directories', () => {
    expect(() => world.disk.makeDirectory('/proc/millrace/data')).toThrow(expect.objectContaining({ code: 'ENOENT' }))
  })

  it('gives a lock once while its owner lives, and takes over that of a dead one', () => {
    const path = join(directory, '.lock')
    const file = world.disk.open(path, 'write')
    file.write([Buffer.from('999999999\n')], 0)
    file.close()
    const lock = world.disk.lock(path)
    lock.release()
    const parent = world.disk.open(path, 'write')
    parent.write([Buffer.from(`${process.ppid}\n`)], 0)
    parent.close()
    expect(() => world.disk.lock(path)).toThrow(expect.objectContaining({ code: 'ELOCKED' }))
  })

  it('gives a lock once within a process, and again after its release', () => {
    const path = join(directory, '.lock')
    const lock = world.disk.lock(path)
    expect(() => world.disk.lock(path)).toThrow(expect.objectContaining({ code: 'ELOCKED' }))
    lock.release()
    world.disk.lock(path).release()
  })

  it.runIf(process.platform === 'linux')('takes over the lock of a process whose id another one has by now', () => {
    const path = join(directory, '.lock')
    const file = world.disk.open(path, 'write')
    file.write([Buffer.from(`${process.ppid} 1\n`)], 0)
    file.close()
    world.disk.lock(path).release()
  })

  it.runIf(process.platform === 'linux')('takes over the lock of a killed process that nobody has waited for', async () => {
    const path = join(directory, '.lock')
    // The shell becomes a program that never waits for its child; only then may the child end, or the shell might wait for it.
    const shell = spawn('sh', ['-c', 'exec 3<&0; cat <&3 & echo $!; exec sleep 60'], { stdio: ['pipe', 'pipe', 'ignore'] })
    const [line] = await once(shell.stdout, 'data')
    const pid = Number(String(line))
    await expect.poll(() => readFileSync(`/proc/${shell.pid}/comm`, 'latin1')).toBe('sleep\n')
    shell.stdin.end()
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'latin1')).toContain(') Z ')
    const file = world.disk.open(path, 'write')
    file.write([Buffer.from(`${pid}\n`)], 0)
    file.close()
    world.disk.lock(path).release()
    shell.kill()
  })

  it('tells the space of a volume, and that a directory is not there', () => {
    const { totalBytes, freeBytes } = world.disk.space!(directory)
    expect(freeBytes).toBeGreaterThan(0)
    expect(totalBytes).toBeGreaterThanOrEqual(freeBytes)
    expect(() => world.disk.space!(join(directory, 'nowhere'))).toThrow(expect.objectContaining({ code: 'ENOENT' }))
  })

  it('replaces a file whole', () => {
    const path = join(directory, 'quorum-state')
    replaceFile(world.disk, path, 'old and long')
    replaceFile(world.disk, path, 'new')
    expect(world.disk.readFile(path).toString()).toBe('new')
    expect(world.disk.list(directory)).toEqual(['quorum-state'])
  })
})

describe("Node's net", () => {
  it('carries bytes both ways and tells both sides of an orderly end', async () => {
    const closed: string[] = []
    const listener = await world.net.listen({ host: '127.0.0.1', port: 0 }, socket =>
      socket.receive({
        data: bytes => void socket.write([bytes, Buffer.from('!')]),
        drain: () => {},
        close: () => closed.push('server'),
      }),
    )
    const socket: Socket = await world.net.connect({ host: '127.0.0.1', port: listener.port, timeoutMs: 10_000 })
    const answer = await new Promise<string>(resolve => {
      let text = ''
      socket.receive({
        data: bytes => {
          text += bytes.toString()
          if (text.endsWith('!')) socket.end()
        },
        drain: () => {},
        close: () => resolve(text),
      })
      socket.write([Buffer.from('hel'), Buffer.from('lo')])
    })
    expect(answer).toMatch(/^hello.*!$/)
    await listener.close()
    expect(closed).toEqual(['server'])
  })

  it('says which port is in use and who refused', async () => {
    const listener = await world.net.listen({ host: '127.0.0.1', port: 0 }, () => {})
    await expect(world.net.listen({ host: '127.0.0.1', port: listener.port }, () => {})).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    await listener.close()
    await expect(world.net.connect({ host: '127.0.0.1', port: listener.port, timeoutMs: 10_000 })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      retriable: true,
    })
  })
})

describe("Node's thread pool", () => {
  it.each(['gzip', 'zstd'] as const)('packs and unpacks %s, and stops at the limit', async codec => {
    const bytes = Buffer.alloc(100_000, 'flight ')
    const packed = await world.cpu.deflate(codec, bytes)
    expect(Buffer.from(await world.cpu.inflate(codec, packed, 100_000)).equals(bytes)).toBe(true)
    await expect(world.cpu.inflate(codec, packed, 99_999)).rejects.toThrow(RangeError)
  })
})
