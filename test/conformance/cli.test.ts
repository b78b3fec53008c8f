import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { freePorts } from './free-ports.ts'

const command = resolve(import.meta.dirname, '../../packages/cli/bin/millrace.mjs')
const directory = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
const children = new Set<ChildProcess>()

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** A running `millrace` with what it has printed so far. */
class Run {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''
  readonly exit: Promise<number | string>

  constructor(args: readonly string[], node = process.execPath) {
    this.child = spawn(node, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd: directory })
    children.add(this.child)
    this.child.stdout!.on('data', chunk => (this.stdout += chunk))
    this.child.stderr!.on('data', chunk => (this.stderr += chunk))
    this.exit = once(this.child, 'close').then(([code, signal]) => code ?? signal)
  }

  async until(pattern: RegExp): Promise<RegExpExecArray> {
    let ended = false
    void this.exit.then(() => (ended = true))
    for (;;) {
      const match = pattern.exec(this.stdout + this.stderr)
      if (match) return match
      if (ended) throw new Error(`ended without ${pattern}:\n${this.stdout}${this.stderr}`)
      await new Promise(done => setTimeout(done, 10))
    }
  }
}

async function result(...args: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  const run = new Run(args)
  const code = await run.exit
  return { code, stdout: run.stdout, stderr: run.stderr }
}

/** A server.properties as Apache Kafka 4.3.1 takes it. */
async function serverProperties(name: string, extra = ''): Promise<{ file: string; port: number; data: string }> {
  const [port, controllerPort] = (await freePorts(2)) as [number, number]
  const data = join(directory, name)
  const file = join(directory, `${name}.properties`)
  const text = `# ${name}
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${data}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
${extra}`
  writeFileSync(file, text)
  return { file, port, data }
}

async function topicsOf(bootstrapServers: string): Promise<string[]> {
  const admin = new Kafka({ brokers: [bootstrapServers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 't', numPartitions: 1, replicationFactor: 1 }] })
  const topics = await admin.listTopics()
  await admin.disconnect()
  return topics
}

const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'

describe('a node with a server.properties', () => {
  test('formatted, it runs in the foreground, warns of unknown keys, and SIGTERM is a clean end; twice', async () => {
    const { file, port, data } = await serverProperties('node', 'no.such.key=1\n')
    expect(await result('storage', 'format', '-t', clusterId, '-c', file)).toMatchObject({
      code: 0,
      stdout: `Formatted ${data} for cluster ${clusterId}\n`,
    })
    expect(await result('storage', 'format', '-t', clusterId, '-c', file)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^millrace: .*formatted already.*\n$/),
    })
    expect(await result('storage', 'format', '-t', clusterId, '-c', file, '--ignore-formatted')).toMatchObject({ code: 0 })

    for (let i = 0; i < 2; i++) {
      const node = new Run(['broker', file])
      await node.until(/broker\.started/)
      expect(node.stderr).toMatch(/WARN config\.unknown key=no\.such\.key/)
      expect(await topicsOf(`127.0.0.1:${port}`)).toContain('t')
      node.child.kill('SIGTERM')
      expect(await node.exit).toBe(0)
      expect(node.stdout).toBe('')
      expect(existsSync(join(data, '.kafka_cleanshutdown'))).toBe(true)
      for (const line of node.stderr.trimEnd().split('\n'))
        expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARN|ERROR) \S+/)
    }
  })

  test('a second process on the same folder, a port in use, an unformatted folder, another node: one line that says what to do', async () => {
    const { file, port } = await serverProperties('taken')
    const unformatted = await result('broker', file)
    expect(unformatted).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/millrace: .*is not formatted \(.*storage format.*\)\n$/),
    })
    await result('storage', 'format', '-t', clusterId, '-c', file)
    const node = new Run(['broker', file])
    await node.until(/broker\.started/)
    expect(await result('broker', file)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/millrace: .*in use by another process/),
    })

    const other = await serverProperties('taken-port')
    const clash = join(directory, 'clash.properties')
    execFileSync('sed', [`s/127.0.0.1:${other.port}/127.0.0.1:${port}/; w ${clash}`, other.file])
    await result('storage', 'format', '-t', clusterId, '-c', clash)
    expect(await result('broker', clash)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/millrace: .*(EADDRINUSE|in use)/),
    })
    node.child.kill('SIGINT')
    expect(await node.exit).toBe(0)
  })

  test('a bad value is an error that gives the range', async () => {
    const { file } = await serverProperties('bad', 'offsets.topic.num.partitions=0\n')
    const formatted = await result('storage', 'format', '-t', clusterId, '-c', file)
    expect(formatted.code).toBe(1)
    expect(formatted.stderr).toBe(
      'millrace: Invalid value 0 for configuration offsets.topic.num.partitions: must be at least 1\n',
    )
    expect(await result('broker', join(directory, 'nowhere.properties'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^millrace: .*nowhere\.properties cannot be read: there is no such file\n$/),
    })
  })
})

describe('millrace start', () => {
  test('a broker and a registry that answer; the folder is named; SIGINT ends both, and the next start finds the data', async () => {
    const args = ['start', '--port', '0', '--registry-port', '0', '--data', 'started']
    const topics: string[][] = []
    for (let i = 0; i < 2; i++) {
      const run = new Run(args)
      const [, bootstrapServers] = await run.until(/^broker +(\S+)$/m)
      const [, url] = await run.until(/^schema registry +(\S+)$/m)
      await run.until(/^ready in \d+ ms/m)
      expect(run.stdout).toContain(join(directory, 'started'))
      topics.push(await topicsOf(bootstrapServers!))
      const posted = await fetch(`${url}/subjects/s/versions`, {
        method: 'POST',
        body: JSON.stringify({ schema: '"string"' }),
        headers: { 'content-type': 'application/json' },
      })
      expect(await posted.json()).toMatchObject({ id: 1 })
      run.child.kill('SIGINT')
      expect(await run.exit).toBe(0)
    }
    expect(topics[0]).toContain('t')
    expect(topics[1]).toEqual(expect.arrayContaining(['t', '_schemas']))
  })

  test('the registry port in use: one line, and the broker is closed again', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const failed = await result('start', '--port', '0', '--registry-port', String(port), '--data', 'half')
    server.close()
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(
      new RegExp(`^millrace: .*port ${port} .*in use \\(choose another with --registry-port\\)$`, 'm'),
    )
  })
})

describe('the command line', () => {
  test('ids are of 22 characters and differ', async () => {
    const [one, two] = await Promise.all([result('storage', 'random-uuid'), result('storage', 'random-uuid')])
    expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}\n$/), stderr: '' })
    expect(one.stdout).not.toBe(two.stdout)
  })

  test('bad arguments: one line, exit code 2', async () => {
    expect(await result('start', '--brokers', '0')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'millrace: --brokers must be a whole number from 1 to 100, not "0" (see millrace --help)\n',
    })
    expect(await result()).toMatchObject({ code: 2 })
  })

  test('help and version', async () => {
    expect(await result('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('storage format') })
    expect(await result('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })
})

const oldNode = (process.env['PATH'] ?? '')
  .split(':')
  .map(folder => join(folder, 'node'))
  .filter(existsSync)
  .find(node => {
    const [major, minor] = execFileSync(node, ['--version'], { encoding: 'utf8' }).slice(1).split('.').map(Number) as [
      number,
      number,
    ]
    return major >= 20 && (major < 22 || (major === 22 && minor < 18))
  })

// CI has such a Node; a machine without one has nothing to go on from.
test.skipIf(oldNode === undefined)('under an older Node it goes on with the pinned one, and hands signals on', async () => {
  const version = new Run(['--version'], oldNode)
  expect(await version.exit).toBe(0)
  const run = new Run(['start', '--port', '0', '--registry-port', '0', '--data', 'old-node'], oldNode)
  await run.until(/^ready in/m)
  run.child.kill('SIGTERM')
  expect(await run.exit).toBe(0)
  expect(run.stderr).toMatch(/reason=SIGTERM/)
})
