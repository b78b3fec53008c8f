import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ClusterListing, type Maker, ProcessCluster } from './cluster-harness.ts'
import { linesOf, until } from './process-harness.ts'
import { watchReplicas } from './replica-verification.ts'
import { KafkaTools, type ToolName, type ToolOptions } from './tools-harness.ts'

/** The tests of Apache Kafka's tools on three nodes: what they print of ours is what they print of Apache Kafka. */
export function clusterToolsSuite(maker: Maker): void {
  let cluster: ProcessCluster
  let tools: KafkaTools

  beforeAll(async () => {
    cluster = await ProcessCluster.make({ logDirectories: 2 })
    await cluster.startAll(maker)
    tools = new KafkaTools()
  })
  afterAll(async () => {
    await tools?.close()
    cluster?.close()
  })

  /** Runs a tool against node 2, which is to be as good as any; arguments are divided by spaces. */
  const tool = (name: ToolName, args: string, options?: ToolOptions) => toolAt(2, name, args, options)
  const toolAt = (id: number, name: ToolName, args: string, options?: ToolOptions) =>
    run(name, ['--bootstrap-server', cluster.node(id).bootstrapServers], args, options)
  const controllerTool = (name: ToolName, args: string, options?: ToolOptions) =>
    run(name, ['--bootstrap-controller', cluster.node(2).controller], args, options)
  const run = (name: ToolName, where: string[], args: string, options?: ToolOptions) => {
    const words = args === '' ? [] : args.split(' ')
    // This one wants its action first.
    return tools.run(name, name === 'cluster' ? [...words, ...where] : [...where, ...words], options)
  }
  /** The rows of a table, each with its cells. */
  const rows = (text: string) => linesOf(text).map(line => line.trim().split(/\s+/))
  const produce = (topic: string, values: readonly string[], id = 2) =>
    toolAt(id, 'console-producer', `--topic ${topic} --command-property acks=all`, {
      input: values.map(value => `${value}\n`).join(''),
    })
  const consume = async (topic: string, count: number, id = 2, more = '') =>
    linesOf(
      (
        await toolAt(
          id,
          'console-consumer',
          `--topic ${topic} --from-beginning --max-messages ${count} --timeout-ms 30000${more}`,
        )
      ).stdout,
    ).sort()
  const values = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`)

  interface DescribedPartition {
    readonly partition: number
    readonly leader: number | null
    readonly replicas: number[]
    readonly isr: number[]
    readonly elr: number[]
  }
  const numbers = (text: string) => (text === '' ? [] : text.split(',').map(Number))
  /** The partitions of `topics --describe`, as it prints them. */
  const describedPartitions = (text: string) =>
    linesOf(text).flatMap((line): DescribedPartition[] => {
      const cells =
        /^\tTopic: (\S+)\tPartition: (\d+)\tLeader: (\S+)\tReplicas: (\S*)\tIsr: (\S*)\tElr: (\S*)\tLastKnownElr: (\S*)$/.exec(
          line,
        )
      if (!cells) return []
      const [, , partition, leader, replicas, isr, elr] = cells as unknown as string[]
      return [
        {
          partition: Number(partition),
          leader: leader === 'none' ? null : Number(leader),
          replicas: numbers(replicas!),
          isr: numbers(isr!).sort(),
          elr: numbers(elr!).sort(),
        },
      ]
    })
  const describeTopic = async (topic: string) => describedPartitions((await tool('topics', `--describe --topic ${topic}`)).stdout)
  const listing = async (id = 2) =>
    JSON.parse(await cluster.kcat('-L -J', '', cluster.node(id).bootstrapServers)) as ClusterListing
  interface LogDirectory {
    readonly broker: number
    readonly logDir: string
    readonly error: string | null
    readonly partitions: readonly { partition: string; size: number; offsetLag: number; isFuture: boolean }[]
  }
  /** What `log-dirs --describe` tells, none of it an error. */
  const logDirectories = async (topic: string) => {
    const { stdout } = await tool('log-dirs', `--describe --topic-list ${topic}`)
    const { brokers } = JSON.parse(linesOf(stdout).at(-1)!) as {
      brokers: { broker: number; logDirs: Omit<LogDirectory, 'broker'>[] }[]
    }
    const directories = brokers.flatMap(({ broker, logDirs }) => logDirs.map((one): LogDirectory => ({ broker, ...one })))
    expect(directories.map(({ error }) => error)).toEqual(directories.map(() => null))
    return directories
  }
  /** Fields of `metadata-quorum describe --status`. */
  const quorumStatus = async (run = tool) => {
    const { stdout } = await run('metadata-quorum', 'describe --status')
    return new Map(linesOf(stdout).map(line => /^(\w+):\s+(.*)$/.exec(line)!.slice(1) as [string, string]))
  }
  const all = [1, 2, 3]

  describe('three nodes', () => {
    test('metadata-quorum tells leader, voters with their directories and endpoints, and no lag', async () => {
      for (const run of [tool, controllerTool]) {
        const status = await quorumStatus(run)
        expect(status.get('ClusterId')).toBe(cluster.clusterId)
        expect(all).toContain(Number(status.get('LeaderId')))
        expect(Number(status.get('LeaderEpoch'))).toBeGreaterThan(0)
        expect(Number(status.get('HighWatermark'))).toBeGreaterThan(0)
        expect(Number(status.get('MaxFollowerLag'))).toBeGreaterThanOrEqual(0)
        expect(status.get('MaxFollowerLagTimeMs')).toMatch(/^\d+$/)
        expect(JSON.parse(status.get('CurrentVoters')!)).toEqual(
          cluster.nodes.map(({ id, directoryId, controller }) => ({
            id,
            directoryId,
            endpoints: [`CONTROLLER://${controller}`],
          })),
        )
        expect(status.get('CurrentObservers')).toBe('[]')
      }
    })

    test('metadata-quorum tells how far each replica of the metadata log has come', async () => {
      const leader = Number((await quorumStatus()).get('LeaderId'))
      for (const run of [tool, controllerTool]) {
        const [head, ...replicas] = rows((await run('metadata-quorum', 'describe --replication')).stdout)
        expect(head!.slice(0, 4)).toEqual(['NodeId', 'DirectoryId', 'LogEndOffset', 'Lag'])
        expect(head!.at(-1)).toBe('Status')
        expect(replicas.map(cells => Number(cells[0])).sort()).toEqual(all)
        for (const cells of replicas) {
          expect(cells.at(-1)).toBe(Number(cells[0]) === leader ? 'Leader' : 'Follower')
          expect(cells[1]).toBe(cluster.node(Number(cells[0])).directoryId)
          expect(Number(cells[2])).toBeGreaterThan(0)
        }
        expect(replicas.find(cells => Number(cells[0]) === leader)![3]).toBe('0')
      }
    })

    test('cluster tells its id and where its nodes listen', async () => {
      expect((await tool('cluster', 'cluster-id')).stdout).toContain(`Cluster ID: ${cluster.clusterId}`)
      const brokers = rows((await tool('cluster', 'list-endpoints')).stdout).slice(1)
      expect(brokers.map(([id, host, port, , state, type]) => [Number(id), `${host}:${port}`, state, type])).toEqual(
        cluster.nodes.map(({ id, bootstrapServers }) => [id, bootstrapServers, 'unfenced', 'broker']),
      )
      const controllers = rows((await controllerTool('cluster', 'list-endpoints')).stdout).slice(1)
      expect(controllers.map(cells => [Number(cells[0]), `${cells[1]}:${cells[2]}`, cells.at(-1)])).toEqual(
        cluster.nodes.map(({ id, controller }) => [id, controller, 'controller']),
      )
    })

    test('broker-api-versions asks every one of them', async () => {
      const { stdout } = await tool('broker-api-versions', '')
      for (const { id } of cluster.nodes)
        expect(stdout).toMatch(new RegExp(`127\\.0\\.0\\.1:\\d+ \\(id: ${id} rack: null[^)]*\\) -> \\(`))
      expect(stdout.match(/Produce\(0\): 0 to 13/g)).toHaveLength(3)
    })

    test('a new topic is spread over them, every replica in sync', async () => {
      await tool('topics', '--create --topic spread --partitions 6')
      await cluster.whenInSync()
      const [head] = linesOf((await tool('topics', '--describe --topic spread')).stdout)
      expect(head).toMatch(
        /^Topic: spread\tTopicId: [\w-]{22}\tPartitionCount: 6\tReplicationFactor: 3\tConfigs: min\.insync\.replicas=2$/,
      )
      const partitions = await describeTopic('spread')
      expect(partitions).toHaveLength(6)
      for (const { leader, replicas, isr, elr } of partitions) {
        expect([...replicas].sort()).toEqual(all)
        expect(leader).toBe(replicas[0])
        expect([isr, elr]).toEqual([all, []])
      }
      for (const id of all) expect(partitions.filter(({ leader }) => leader === id)).toHaveLength(2)
      for (const filter of ['under-replicated', 'under-min-isr', 'at-min-isr', 'unavailable'])
        expect((await tool('topics', `--describe --${filter}-partitions`)).stdout).toBe('')
    })

    test('console-producer and console-consumer reach every partition through any of them', async () => {
      const expected: string[] = []
      for (const id of all) {
        await produce('spread', values(`through-${id}`, 20), id)
        expected.push(...values(`through-${id}`, 20))
      }
      for (const id of all) expect(await consume('spread', 60, id)).toEqual([...expected].sort())
    })

    test('kcat lists the same from each of them', async () => {
      for (const id of all) {
        const { brokers, topics, controllerid } = await listing(id)
        expect(brokers.map(broker => [broker.id, broker.name]).sort()).toEqual(
          cluster.nodes.map(node => [node.id, node.bootstrapServers]),
        )
        expect(all).toContain(controllerid)
        const { partitions } = topics.find(({ topic }) => topic === 'spread')!
        expect(partitions.map(({ leader, isrs }) => [all.includes(leader), isrs.length])).toEqual(Array(6).fill([true, 3]))
      }
    })

    test('log-dirs tells the size of every replica and where it lies', async () => {
      const directories = await logDirectories('spread')
      expect(directories.map(({ broker, logDir }) => [broker, logDir]).sort()).toEqual(
        cluster.nodes.flatMap(node => node.logDirectories.map(directory => [node.id, directory])).sort(),
      )
      for (let i = 0; i < 6; i++) {
        const replicas = directories
          .flatMap(({ partitions }) => partitions)
          .filter(({ partition }) => partition === `spread-${i}`)
        expect(replicas).toEqual(Array(3).fill({ ...replicas[0], offsetLag: 0, isFuture: false }))
      }
      expect(Math.max(...directories.flatMap(({ partitions }) => partitions.map(({ size }) => size)))).toBeGreaterThan(0)
    })

    test('replica-verification finds the replicas equal', async () => {
      const report = await watchReplicas(cluster.bootstrapServers, 'spread')
      expect(report).toMatch(/: max lag is 0 for partition spread-\d at offset \d+ among 6 partitions/)
    })

    test('configs sets the rates of replication on one broker and on all', async () => {
      const entity = (name: string) => `--entity-type brokers ${name}`
      await tool('configs', `--alter ${entity('--entity-name 1')} --add-config leader.replication.throttled.rate=1000000`)
      await tool('configs', `--alter ${entity('--entity-default')} --add-config follower.replication.throttled.rate=2000000`)
      const one = await until('the rate of broker 1', async () => {
        const { stdout } = await tool('configs', `--describe ${entity('--entity-name 1')}`)
        return /leader\.replication\.throttled\.rate=1000000 sensitive=false/.test(stdout) && stdout
      })
      expect(one).toContain('DYNAMIC_BROKER_CONFIG:leader.replication.throttled.rate=1000000')
      expect((await tool('configs', `--describe ${entity('--entity-default')}`)).stdout).toMatch(
        /follower\.replication\.throttled\.rate=2000000 sensitive=false synonyms=\{DYNAMIC_DEFAULT_BROKER_CONFIG:follower\.replication\.throttled\.rate=2000000/,
      )
      expect((await tool('configs', `--describe ${entity('--entity-name 3')}`)).stdout).not.toContain('leader.replication')
      await tool('configs', `--alter ${entity('--entity-name 1')} --delete-config leader.replication.throttled.rate`)
      await tool('configs', `--alter ${entity('--entity-default')} --delete-config follower.replication.throttled.rate`)
      expect((await tool('configs', `--describe ${entity('--entity-name 1')}`)).stdout).not.toContain('throttled')
    })

    test('features are described, taken back and upgraded again', async () => {
      const levels = async () =>
        new Map(
          rows((await tool('features', 'describe')).stdout).map(cells => [
            cells[1]!,
            { supported: cells[5]!, level: cells[7]!, epoch: cells.at(-1)! },
          ]),
        )
      const before = await levels()
      expect(before.get('metadata.version')).toMatchObject({ level: '4.3-IV0' })
      expect(before.get('eligible.leader.replicas.version')).toMatchObject({ level: '1' })
      expect((await controllerTool('features', 'describe')).stdout).toContain('FinalizedVersionLevel: 4.3-IV0')

      expect((await tool('features', 'downgrade --feature eligible.leader.replicas.version=0')).stdout).toContain(
        'eligible.leader.replicas.version was downgraded to 0.',
      )
      await until('the level at every node', async () => (await levels()).get('eligible.leader.replicas.version')?.level === '0')
      expect((await tool('features', 'upgrade --feature eligible.leader.replicas.version=1')).stdout).toContain(
        'eligible.leader.replicas.version was upgraded to 1.',
      )
      expect(Number((await levels()).get('metadata.version')!.epoch)).toBeGreaterThan(
        Number(before.get('metadata.version')!.epoch),
      )
      const refused = await tool('features', 'upgrade --feature group.version=9', { status: 1 })
      expect(refused.stdout + refused.stderr).toMatch(/Could not upgrade group\.version to 9\./)
    })
  })

  describe('reassign-partitions', () => {
    const file = (name: string, content: object) => {
      const path = join(cluster.directory, `${name}.json`)
      writeFileSync(path, JSON.stringify(content))
      return path
    }
    const assignment = (topic: string, replicas: readonly number[][]) => ({
      version: 1,
      partitions: replicas.map((list, partition) => ({ topic, partition, replicas: list, log_dirs: list.map(() => 'any') })),
    })

    test('proposes an assignment', async () => {
      const topics = file('topics', { version: 1, topics: [{ topic: 'spread' }] })
      const { stdout } = await tool('reassign-partitions', `--generate --topics-to-move-json-file ${topics} --broker-list 1,2`, {
        status: undefined,
      })
      expect(stdout).toContain('The target replication factor of 3 cannot be reached because only 2 broker(s) are registered')
      const proposed = linesOf(
        (await tool('reassign-partitions', `--generate --topics-to-move-json-file ${topics} --broker-list 1,2,3`)).stdout,
      )
      expect([proposed[0], proposed[2]]).toEqual([
        'Current partition replica assignment',
        'Proposed partition reassignment configuration',
      ])
      const current = JSON.parse(proposed[1]!) as ReturnType<typeof assignment>
      const described = await describeTopic('spread')
      expect(current.partitions.map(({ replicas }) => replicas)).toEqual(described.map(({ replicas }) => replicas))
      expect((JSON.parse(proposed[3]!) as ReturnType<typeof assignment>).partitions).toHaveLength(6)
    })

    test('moves partitions under a throttle, and takes the throttle back when it verifies the end', async () => {
      await tool('topics', '--create --topic moved --replica-assignment 1:2,1:2 --config min.insync.replicas=1')
      await produce('moved', values('moved', 50))
      const plan = file(
        'plan',
        assignment('moved', [
          [3, 2],
          [2, 3],
        ]),
      )
      const started = await tool('reassign-partitions', `--execute --reassignment-json-file ${plan} --throttle 10000000`)
      expect(started.stdout).toContain('Current partition replica assignment')
      expect(started.stdout).toMatch(/Successfully started partition reassignments for moved-0,moved-1/)
      expect((await tool('configs', '--describe --entity-type topics --entity-name moved')).stdout).toMatch(
        /leader\.replication\.throttled\.replicas=0:1,0:2,1:1,1:2.*/,
      )
      const verified = await until('the reassignment', async () => {
        const { stdout } = await tool('reassign-partitions', `--verify --reassignment-json-file ${plan}`)
        return /moved-0 is completed/.test(stdout) && /moved-1 is completed/.test(stdout) && stdout
      })
      expect(verified).toContain('Clearing broker-level throttles on brokers 1,2,3')
      expect(verified).toContain('Clearing topic-level throttles on topic moved')
      expect(await describeTopic('moved')).toMatchObject([
        { replicas: [3, 2], isr: [2, 3] },
        { replicas: [2, 3], isr: [2, 3] },
      ])
      const configs = (await tool('configs', '--describe --entity-type topics --entity-name moved')).stdout
      expect(configs).not.toContain('throttled')
      expect(await consume('moved', 50)).toEqual(values('moved', 50).sort())
    })

    test('lists a reassignment that is held up, and cancels it', async () => {
      await tool('topics', '--create --topic held --replica-assignment 1:2 --config min.insync.replicas=1')
      // Enough that a throttle of a byte a second holds it up.
      await produce('held', values('x'.repeat(2000), 500))
      const plan = file('held', assignment('held', [[3]]))
      await tool('reassign-partitions', `--execute --reassignment-json-file ${plan} --throttle 1`)
      const listed = await tool('reassign-partitions', '--list')
      expect(listed.stdout).toMatch(/Current partition reassignments:\nheld-0: replicas: 3,1,2\. adding: 3\. removing: 1,2\.\n/)
      expect(
        (await tool('reassign-partitions', `--verify --reassignment-json-file ${plan} --preserve-throttles`)).stdout,
      ).toContain('Reassignment of partition held-0 is still in progress.')
      const again = await tool('reassign-partitions', `--execute --reassignment-json-file ${plan}`, { status: undefined })
      expect(again.stdout).toContain('Cannot execute because there is an existing partition assignment')
      const cancelled = await tool('reassign-partitions', `--cancel --reassignment-json-file ${plan}`)
      expect(cancelled.stdout).toContain('Successfully cancelled partition reassignment for: held-0')
      expect((await tool('reassign-partitions', '--list')).stdout).toContain('No partition reassignments found.')
      expect(await describeTopic('held')).toMatchObject([{ replicas: [1, 2], isr: [1, 2] }])
      expect(await consume('held', 500)).toHaveLength(500)
    })

    test('moves a replica from one log directory to another', async () => {
      await tool('topics', '--create --topic shelved --replica-assignment 1:2 --config min.insync.replicas=1')
      await produce('shelved', values('shelved', 50))
      const home = async () => {
        const found = (await logDirectories('shelved')).filter(({ broker, partitions }) => broker === 1 && partitions.length > 0)
        expect(found).toHaveLength(1)
        return found[0]!.logDir
      }
      const from = await home()
      const to = cluster.node(1).logDirectories.find(directory => directory !== from)!
      const plan = file('shelves', {
        version: 1,
        partitions: [{ topic: 'shelved', partition: 0, replicas: [1, 2], log_dirs: [to, 'any'] }],
      })
      const started = await tool('reassign-partitions', `--execute --reassignment-json-file ${plan}`)
      expect(started.stdout).toContain(`Successfully started moving log directory to ${to} for replica shelved-0 with broker 1`)
      await until('the move', async () =>
        /Reassignment of replica shelved-0-1 completed successfully/.test(
          (await tool('reassign-partitions', `--verify --reassignment-json-file ${plan}`)).stdout,
        ),
      )
      expect(await home()).toBe(to)
      expect(await consume('shelved', 50)).toEqual(values('shelved', 50).sort())
    })

    test('to a broker that does not exist is refused', async () => {
      const plan = file('unknown', assignment('spread', [[1, 2, 9]]))
      const { stdout } = await tool('reassign-partitions', `--execute --reassignment-json-file ${plan}`, { status: undefined })
      expect(stdout).toContain('Unknown broker id 9')
    })
  })

  describe('with a node down', () => {
    const down = 3
    let group = ''
    let groups = 0
    let committed: string[][]
    const coordinatorOf = async (name: string) => {
      const { stdout } = await tool('consumer-groups', `--describe --group ${name} --state`)
      return Number(/\((\d)\)/.exec(linesOf(stdout).at(-1)!)![1])
    }
    /** Topic, partition and offset. */
    const committedBy = async (name: string) =>
      rows((await tool('consumer-groups', `--describe --group ${name}`)).stdout)
        .filter(([first]) => first === name)
        .map(cells => cells.slice(1, 4))

    beforeAll(async () => {
      await tool('topics', '--create --topic strict --partitions 3 --config min.insync.replicas=3')
      await until('a group whose coordinator is the node', async () => {
        group = `travellers-${groups++}`
        await tool('consumer-groups', `--group ${group} --topic spread --reset-offsets --to-latest --execute`)
        return (await coordinatorOf(group)) === down
      })
      committed = await committedBy(group)
      await cluster.whenInSync()
      await cluster.kill(down)
      await until('the controller to miss it', async () =>
        (await describeTopic('spread')).every(({ isr }) => !isr.includes(down)),
      )
    })

    test('leaders are on the others, and topics --describe shows who is behind', async () => {
      const under = describedPartitions((await tool('topics', '--describe --under-replicated-partitions --topic spread')).stdout)
      expect(under).toHaveLength(6)
      for (const { leader, replicas, isr } of under) {
        expect([1, 2]).toContain(leader)
        expect([...replicas].sort()).toEqual(all)
        expect(isr).toEqual([1, 2])
      }
      expect(
        describedPartitions((await tool('topics', '--describe --at-min-isr-partitions --topic spread')).stdout),
      ).toHaveLength(6)
      expect((await tool('topics', '--describe --unavailable-partitions')).stdout).toBe('')
    })

    test('a replica that left a set of the least size is an eligible leader', async () => {
      const under = describedPartitions((await tool('topics', '--describe --under-min-isr-partitions')).stdout)
      expect(under.map(({ isr, elr }) => [isr, elr])).toEqual(Array(3).fill([[1, 2], [down]]))
      const { stderr } = await tool(
        'console-producer',
        '--topic strict --command-property acks=all --command-property delivery.timeout.ms=2500 --command-property request.timeout.ms=2000 --command-property linger.ms=0',
        {
          input: 'refused\n',
          status: undefined,
        },
      )
      expect(stderr).toMatch(/NotEnoughReplicas/)
    })

    test('what is written then is there', async () => {
      await produce('spread', values('while-down', 20), 1)
      expect(await consume('spread', 80, 1)).toEqual(expect.arrayContaining(values('while-down', 20)))
      const { brokers } = await listing(1)
      expect(brokers.map(({ id }) => id).sort()).toEqual([1, 2])
    })

    test('metadata-quorum and list-endpoints tell of it', async () => {
      const status = await quorumStatus()
      expect([1, 2]).toContain(Number(status.get('LeaderId')))
      expect((await tool('cluster', 'list-endpoints --include-fenced-brokers')).stdout).toMatch(/^3 .*\bfenced\b/m)
      expect((await tool('cluster', 'list-endpoints')).stdout).not.toMatch(/^3 /m)
    })

    test('consumer-groups finds the group at its new coordinator', async () => {
      expect(committed).toHaveLength(6)
      expect(committed.some(([, , offset]) => Number(offset) > 0)).toBe(true)
      expect([1, 2]).toContain(await coordinatorOf(group))
      expect(await committedBy(group)).toEqual(committed)
    })

    test('started again it catches up, and leader-election gives it its partitions back', async () => {
      await cluster.start(down, maker)
      await cluster.whenInSync()
      expect((await tool('topics', '--describe --under-replicated-partitions')).stdout).toBe('')
      const preferred = (await describeTopic('spread')).filter(({ replicas }) => replicas[0] === down)
      expect(preferred.map(({ leader }) => leader)).not.toContain(down)
      const { stdout } = await tool('leader-election', '--election-type preferred --all-topic-partitions')
      expect(stdout).toMatch(/Successfully completed leader election \(PREFERRED\) for partitions .*spread-/)
      for (const { leader, replicas } of await describeTopic('spread')) expect(leader).toBe(replicas[0])
      expect(await consume('spread', 80, down)).toHaveLength(80)
      const again = await tool('leader-election', '--election-type preferred --topic spread --partition 0')
      expect(again.stdout).toContain('Valid replica already elected for partitions spread-0')
    })
  })

  test('leader-election unclean makes a replica leader that is behind, where nobody else is left', async () => {
    await tool('topics', '--create --topic risky --replica-assignment 1:2 --config min.insync.replicas=1')
    await produce('risky', ['both'])
    await cluster.kill(2)
    await until('1 alone', async () => /Isr: 1\t/.test((await toolAt(3, 'topics', '--describe --topic risky')).stdout))
    await produce('risky', ['lost'], 3)
    await cluster.kill(1)
    await cluster.start(2, maker)
    await until('no leader', async () =>
      /risky\tPartition: 0\tLeader: none/.test((await toolAt(3, 'topics', '--describe --unavailable-partitions')).stdout),
    )
    const refused = await toolAt(3, 'leader-election', '--election-type preferred --topic risky --partition 0', {
      status: undefined,
    })
    expect(refused.stdout + refused.stderr).toMatch(
      /PreferredLeaderNotAvailable|ELIGIBLE_LEADERS_NOT_AVAILABLE|PREFERRED_LEADER_NOT_AVAILABLE/i,
    )
    const { stdout } = await toolAt(3, 'leader-election', '--election-type unclean --topic risky --partition 0')
    expect(stdout).toContain('Successfully completed leader election (UNCLEAN) for partitions risky-0')
    expect(await describeTopic('risky')).toMatchObject([{ leader: 2, isr: [2] }])
    expect(await consume('risky', 1)).toEqual(['both'])
    await cluster.start(1, maker)
    await cluster.whenInSync()
    expect(await consume('risky', 1)).toEqual(['both'])
  })

  test('a controller leaves the quorum and joins it again', async () => {
    const { id, directoryId, file, controller } = cluster.node(1)
    const voters = async () =>
      (JSON.parse((await quorumStatus()).get('CurrentVoters')!) as { id: number }[]).map(voter => voter.id)
    await tool('metadata-quorum', `remove-controller --controller-id ${id} --controller-directory-id ${directoryId}`)
    await until('the quorum of two', async () => (await voters()).join() === '2,3')
    expect((await quorumStatus()).get('CurrentObservers')).toContain(`"id": ${id}`)
    await tools.run('metadata-quorum', [
      '--bootstrap-controller',
      cluster.node(2).controller,
      '--command-config',
      file,
      'add-controller',
    ])
    await until('the quorum of three', async () => (await voters()).sort().join() === '1,2,3')
    expect((await quorumStatus()).get('CurrentVoters')).toContain(controller)
  })

  test('cluster unregister forgets a broker that is gone, until it comes back', async () => {
    await cluster.stop(3)
    expect((await tool('cluster', 'unregister --id 3')).stdout).toContain('Broker 3 is no longer registered.')
    expect((await tool('cluster', 'list-endpoints --include-fenced-brokers')).stdout).not.toMatch(/^3 /m)
    await cluster.start(3, maker)
    await cluster.whenInSync()
    expect((await tool('cluster', 'list-endpoints')).stdout).toMatch(/^3 /m)
  })
}
