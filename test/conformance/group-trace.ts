import {
  type Api,
  CreateTopics,
  DeleteGroups,
  DescribeGroups,
  type Draft,
  ErrorCode,
  FindCoordinator,
  Heartbeat,
  JoinGroup,
  type JoinGroupRequest,
  LeaveGroup,
  ListGroups,
  Metadata,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  SyncGroup,
} from '@millrace/protocol'
import { RawConnection } from '../security/raw-connection.ts'

const topic = 'group-trace'

/**
 * Plays one long scene of requests against the coordinator at `port` of loopback and writes down every response. What differs from run to
 * run (random ids, addresses) is given names, so that two brokers that behave alike write the same lines.
 */
export class GroupTrace {
  readonly lines: string[] = []
  readonly #connections: RawConnection[] = []
  readonly #names = new Map<string, string>()
  readonly #port: number
  readonly #run: string
  #topicId = ''

  private constructor(port: number, run: string) {
    this.#port = port
    this.#run = run
  }

  /** `run` makes the group ids this run's own. */
  static async of(port: number, run: string): Promise<string[]> {
    const trace = new GroupTrace(port, run)
    try {
      await trace.#setUp()
      await trace.#joining()
      await trace.#rebalancing()
      await trace.#staticMembers()
      await trace.#offsets()
      await trace.#administration()
    } finally {
      for (const connection of trace.#connections) connection.close()
    }
    return trace.lines
  }

  async #setUp(): Promise<void> {
    const connection = await this.#connect()
    await connection.request(CreateTopics, 5, {
      timeoutMs: 30_000,
      topics: [{ name: topic, numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] }],
    })
    for (;;) {
      const { topics } = await connection.request(Metadata, 12, { topics: [{ topicId: undefined, name: topic }] })
      if (topics[0]!.errorCode === ErrorCode.NONE && topics[0]!.partitions.every(({ leaderId }) => leaderId >= 0)) {
        this.#topicId = topics[0]!.topicId
        this.#names.set(this.#topicId, '<topic>')
        break
      }
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    // The first call creates the topic of the coordinators; until they are there, clients ask again.
    for (;;) {
      const { coordinators } = await connection.request(FindCoordinator, 4, {
        keyType: 0,
        coordinatorKeys: [this.#group('first')],
      })
      const { groups } = await connection.request(OffsetFetch, 8, { groups: [{ groupId: this.#group('first'), topics: null }] })
      if (coordinators[0]!.errorCode === ErrorCode.NONE && groups[0]!.errorCode === ErrorCode.NONE) break
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }

  async #joining(): Promise<void> {
    for (const version of [0, 1, 3, 4])
      await this.#say(`find v${version}`, FindCoordinator, version, findBody(version, this.#group('x')))
    for (let version = 0; version <= 9; version++) {
      const group = this.#group(`v${version}`)
      let joined = await this.#say(`join v${version}`, JoinGroup, version, joinBody(group))
      if (joined.errorCode === ErrorCode.MEMBER_ID_REQUIRED)
        joined = await this.#say(`join v${version} with id`, JoinGroup, version, joinBody(group, { memberId: joined.memberId }))
      const { memberId, generationId } = joined
      const assignments = [{ memberId, assignment: Buffer.from('mine') }]
      const syncVersion = Math.min(version, 5)
      const names = syncVersion === 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}
      await this.#say(`sync v${syncVersion}`, SyncGroup, syncVersion, {
        groupId: group,
        generationId,
        memberId,
        assignments,
        ...names,
      })
      await this.#say('join again as leader', JoinGroup, version, joinBody(group, { memberId }))
      await this.#say('old generation', Heartbeat, Math.min(version, 4), { groupId: group, generationId, memberId })
      await this.#say('new generation', Heartbeat, Math.min(version, 4), {
        groupId: group,
        generationId: generationId + 1,
        memberId,
      })
      await this.#say(`leave v${Math.min(version, 5)}`, LeaveGroup, Math.min(version, 5), leaveBody(version, group, memberId))
      await this.#say('leave again', LeaveGroup, Math.min(version, 5), leaveBody(version, group, memberId))
      await this.#say('heartbeat after it', Heartbeat, Math.min(version, 4), { groupId: group, generationId, memberId })
    }
    for (const version of [3, 9]) {
      const bad = (what: string, body: Draft<JoinGroupRequest>) => this.#say(`${what} v${version}`, JoinGroup, version, body)
      await bad('empty group', joinBody(''))
      await bad('short session', joinBody(this.#group('bad'), { sessionTimeoutMs: 5999 }))
      await bad('long session', joinBody(this.#group('bad'), { sessionTimeoutMs: 1_800_001 }))
      await bad('unknown id', joinBody(this.#group('bad'), { memberId: 'nobody' }))
      await bad('no protocols', joinBody(this.#group('bad'), { protocols: [] }))
      await bad('no protocol type', joinBody(this.#group('bad'), { protocolType: '' }))
    }
    await this.#say('sync of nobody', SyncGroup, 5, {
      groupId: this.#group('bad'),
      memberId: 'x',
      protocolType: 'consumer',
      protocolName: 'range',
    })
    await this.#say('sync v5 without names', SyncGroup, 5, { groupId: this.#group('bad'), memberId: 'x' })
    await this.#say('sync of an empty group id', SyncGroup, 3, { groupId: '', memberId: 'x' })
    await this.#say('heartbeat of an empty group id', Heartbeat, 3, { groupId: '', memberId: 'x' })
    await this.#say('leave of an empty group id', LeaveGroup, 3, { groupId: '', members: [{ memberId: 'x' }] })
  }

  async #rebalancing(): Promise<void> {
    const group = this.#group('rebalance')
    const a = await this.#say('a joins', JoinGroup, 3, joinBody(group))
    const sync = (memberId: string, generationId: number, assignments: Record<string, string> = {}) => ({
      groupId: group,
      memberId,
      generationId,
      assignments: Object.entries(assignments).map(([id, text]) => ({ memberId: id, assignment: Buffer.from(text) })),
    })
    await this.#say('a syncs', SyncGroup, 3, sync(a.memberId, 1, { [a.memberId]: 'all' }))
    const bJoins = this.#begin('b joins', JoinGroup, 3, joinBody(group))
    await this.#settle()
    await this.#say('a hears of it', Heartbeat, 3, { groupId: group, generationId: 1, memberId: a.memberId })
    await this.#say('a syncs too late', SyncGroup, 3, sync(a.memberId, 1))
    await this.#say('described while joining', DescribeGroups, 4, { groups: [group] })
    await this.#say('a joins again', JoinGroup, 3, joinBody(group, { memberId: a.memberId }))
    const b = await bJoins.said()
    await this.#say('described while assigning', DescribeGroups, 4, { groups: [group] })
    const bSyncs = this.#begin('b syncs', SyncGroup, 3, sync(b.memberId, 2))
    await this.#settle()
    await this.#say('a joins the same', JoinGroup, 3, joinBody(group, { memberId: a.memberId }))
    await this.#say('a heartbeats', Heartbeat, 3, { groupId: group, generationId: 2, memberId: a.memberId })
    await this.#say('a syncs', SyncGroup, 3, sync(a.memberId, 2, { [a.memberId]: 'left', [b.memberId]: 'right', nobody: 'x' }))
    await bSyncs.said()
    await this.#say('b syncs again', SyncGroup, 3, sync(b.memberId, 2))
    await this.#say('b joins the same', JoinGroup, 3, joinBody(group, { memberId: b.memberId }))
    await this.#say('described stable', DescribeGroups, 4, { groups: [group], includeAuthorizedOperations: true })
    await this.#say('c of another type', JoinGroup, 3, joinBody(group, { protocolType: 'connect' }))
    await this.#say(
      'c of another protocol',
      JoinGroup,
      3,
      joinBody(group, { protocols: [{ name: 'other', metadata: Buffer.from('m') }] }),
    )
    await this.#say('wrong protocol in sync', SyncGroup, 5, {
      ...sync(b.memberId, 2),
      protocolType: 'consumer',
      protocolName: 'sticky',
    })
    await this.#say('wrong generation in sync', SyncGroup, 3, sync(b.memberId, 7))
    const aRejoins = this.#begin('a rejoins', JoinGroup, 3, joinBody(group, { memberId: a.memberId }))
    await this.#settle()
    await this.#say('b leaves meanwhile', LeaveGroup, 3, {
      groupId: group,
      members: [{ memberId: b.memberId }, { memberId: 'nobody' }],
    })
    await aRejoins.said()
    await this.#say('a leaves before sync', LeaveGroup, 1, { groupId: group, memberId: a.memberId })
    await this.#say('described empty', DescribeGroups, 4, { groups: [group] })
  }

  async #staticMembers(): Promise<void> {
    const group = this.#group('static')
    const join = (groupInstanceId: string, over: Draft<JoinGroupRequest> = {}) => joinBody(group, { groupInstanceId, ...over })
    const a = await this.#say('static a', JoinGroup, 5, join('ia'))
    await this.#say('sync a', SyncGroup, 3, {
      groupId: group,
      generationId: 1,
      memberId: a.memberId,
      groupInstanceId: 'ia',
      assignments: [{ memberId: a.memberId, assignment: Buffer.from('all') }],
    })
    const a2 = await this.#say('a restarts, v5', JoinGroup, 5, join('ia'))
    const a3 = await this.#say('a restarts, v9', JoinGroup, 9, join('ia'))
    const beat = (memberId: string, groupInstanceId: string | null) =>
      this.#say('heartbeat', Heartbeat, 3, { groupId: group, generationId: 1, memberId, groupInstanceId })
    await beat(a2.memberId, 'ia')
    await beat(a2.memberId, null)
    await beat(a3.memberId, 'ib')
    await beat(a3.memberId, 'ia')
    await this.#say('sync of the new id', SyncGroup, 3, {
      groupId: group,
      generationId: 1,
      memberId: a3.memberId,
      groupInstanceId: 'ia',
    })
    await this.#say('sync of the old id', SyncGroup, 3, {
      groupId: group,
      generationId: 1,
      memberId: a.memberId,
      groupInstanceId: 'ia',
    })
    await this.#say('join of the old id', JoinGroup, 5, join('ia', { memberId: a.memberId }))
    await this.#say('described', DescribeGroups, 4, { groups: [group] })
    await this.#say('commit of the old id', OffsetCommit, 7, {
      ...commitBody(group, { 0: 1 }),
      generationIdOrMemberEpoch: 1,
      memberId: a.memberId,
      groupInstanceId: 'ia',
    })
    await this.#say('removal', LeaveGroup, 5, {
      groupId: group,
      members: [
        { memberId: a.memberId, groupInstanceId: 'ia' },
        { memberId: '', groupInstanceId: 'nobody' },
        { memberId: '', groupInstanceId: 'ia' },
        { memberId: '', groupInstanceId: null },
      ],
    })
    await this.#say('described empty', DescribeGroups, 4, { groups: [group] })
  }

  async #offsets(): Promise<void> {
    const group = this.#group('offsets')
    for (let version = 2; version <= 9; version++)
      await this.#say(
        `commit v${version}`,
        OffsetCommit,
        version,
        commitBody(group, { 0: version, 1: 2 * version }, `v${version} é`),
      )
    await this.#say('commit v10', OffsetCommit, 10, {
      ...commitBody(group, { 2: 5 }),
      topics: [{ topicId: this.#topicId, partitions: [{ partitionIndex: 2, committedOffset: 5, committedMetadata: null }] }],
    })
    const one = [{ name: topic, partitionIndexes: [0, 1, 7] }]
    for (let version = 1; version <= 7; version++)
      await this.#say(`fetch v${version}`, OffsetFetch, version, { groupId: group, topics: one })
    await this.#say('fetch all v7', OffsetFetch, 7, { groupId: group, topics: null, requireStable: true })
    const groups = [
      { groupId: group, topics: one },
      { groupId: this.#group('nobody'), topics: null },
      { groupId: this.#group('nobody'), topics: one },
    ]
    for (const version of [8, 9]) await this.#say(`fetch v${version}`, OffsetFetch, version, { groups })
    const byId = [
      { topicId: this.#topicId, partitionIndexes: [0, 1] },
      { topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitionIndexes: [0] },
    ]
    await this.#say('fetch v10', OffsetFetch, 10, {
      groups: [
        { groupId: group, topics: byId },
        { groupId: group, topics: null },
      ],
    })
    await this.#say('too much metadata', OffsetCommit, 8, commitBody(group, { 0: 1 }, 'x'.repeat(4097)))
    await this.#say('unknown topic v8', OffsetCommit, 8, {
      groupId: group,
      topics: [{ name: 'nowhere', partitions: [{ partitionIndex: 0 }] }],
    })
    await this.#say('unknown topic v10', OffsetCommit, 10, {
      groupId: group,
      topics: [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions: [{ partitionIndex: 0 }] }],
    })
    for (const version of [8, 9]) {
      const body = { ...commitBody(this.#group('nobody'), { 0: 1 }), generationIdOrMemberEpoch: 3, memberId: 'x' }
      await this.#say(`member of an unknown group v${version}`, OffsetCommit, version, body)
    }
    await this.#say('member of an empty group', OffsetCommit, 8, {
      ...commitBody(group, { 0: 1 }),
      generationIdOrMemberEpoch: 3,
      memberId: 'x',
    })
    const live = this.#group('live')
    const { memberId } = await this.#say('member', JoinGroup, 3, joinBody(live))
    const member = { generationIdOrMemberEpoch: 1, memberId }
    await this.#say('between join and sync', OffsetCommit, 8, { ...commitBody(live, { 0: 1 }), ...member })
    await this.#say('sync', SyncGroup, 3, { groupId: live, generationId: 1, memberId })
    await this.#say('member commits', OffsetCommit, 8, { ...commitBody(live, { 0: 1 }), ...member })
    await this.#say('stranger commits', OffsetCommit, 8, commitBody(live, { 0: 1 }))
    await this.#say('old generation commits', OffsetCommit, 8, {
      ...commitBody(live, { 0: 1 }),
      ...member,
      generationIdOrMemberEpoch: 0,
    })
    await this.#say('delete read offsets', OffsetDelete, 0, deleteBody(live))
    await this.#say('leave', LeaveGroup, 1, { groupId: live, memberId })
    await this.#say('delete offsets of the empty group', OffsetDelete, 0, deleteBody(live))
    await this.#say('they are gone', OffsetFetch, 5, { groupId: live, topics: one })
    await this.#say('delete offsets of nobody', OffsetDelete, 0, deleteBody(this.#group('nobody')))
  }

  async #administration(): Promise<void> {
    const group = this.#group('admin')
    const { memberId } = await this.#say('member', JoinGroup, 3, joinBody(group, { protocolType: 'connect' }))
    await this.#say('delete with a member', DeleteGroups, 1, { groupsNames: [group] })
    await this.#say('delete offsets with a member', OffsetDelete, 0, deleteBody(group))
    await this.#say('leave', LeaveGroup, 1, { groupId: group, memberId })
    for (let version = 0; version <= 5; version++) await this.#list(`list v${version}`, version, {})
    await this.#list('list by state', 4, { statesFilter: ['empty'] })
    await this.#list('list stable', 4, { statesFilter: ['Stable'] })
    await this.#list('list by type', 5, { typesFilter: ['Classic'] })
    await this.#list('list another type', 5, { typesFilter: ['share'] })
    for (let version = 0; version <= 6; version++)
      await this.#say(`describe v${version}`, DescribeGroups, version, {
        groups: [group, this.#group('nobody')],
        includeAuthorizedOperations: version >= 3,
      })
    for (const version of [0, 2])
      await this.#say(`delete v${version}`, DeleteGroups, version, {
        groupsNames: [group, this.#group('nobody')],
      })
    await this.#say('delete an empty id', DeleteGroups, 1, { groupsNames: [''] })
  }

  /** Lists, and keeps only the groups of this scene. */
  async #list(label: string, version: number, body: { statesFilter?: string[]; typesFilter?: string[] }): Promise<void> {
    const connection = await this.#connect()
    const { errorCode, groups } = await connection.request(ListGroups, version, body)
    // Kafka keeps a group that nobody could join, until its next look for old ones.
    const own = groups.filter(({ groupId }) => groupId.endsWith(this.#run) && groupId !== this.#group('bad'))
    this.#write(label, { errorCode, groups: own })
  }

  #group(name: string): string {
    const id = `broker-group-${name}-${this.#run}`
    this.#names.set(id, `<${name}>`)
    return id
  }

  async #say<Request, Response>(
    label: string,
    api: Api<Request, Response>,
    version: number,
    body: Draft<Request>,
  ): Promise<Response> {
    return this.#begin(label, api, version, body).said()
  }

  /** Sends on a connection of its own; the response is written down when it is asked for. */
  #begin<Request, Response>(label: string, api: Api<Request, Response>, version: number, body: Draft<Request>) {
    const response = this.#connect().then(connection => connection.request(api, version, body))
    response.catch(() => {})
    const said = async () => {
      const body = await response
      const { memberId } = body as { memberId?: string }
      if (memberId?.match(/-[0-9a-f]{12}$/) && !this.#names.has(memberId))
        this.#names.set(memberId, `<member ${this.#names.size}>`)
      this.#write(label, body)
      return body
    }
    return { said }
  }

  /** A request that is parked gives no sign: time for it to arrive. */
  #settle(): Promise<void> {
    return new Promise(resolve => setTimeout(resolve, 150))
  }

  #write(label: string, response: unknown): void {
    const json = JSON.stringify(response, (key, value: unknown) => {
      if (key === 'throttleTimeMs' || key === 'port' || key === 'host') return undefined
      if (typeof value === 'object' && value !== null && (value as { type?: string }).type === 'Buffer')
        return Buffer.from((value as unknown as { data: number[] }).data).toString('latin1')
      if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
      return value
    })
    // Kafka's order within a response is that of its hash tables.
    this.lines.push(`${label}: ${JSON.stringify(sorted(JSON.parse(this.#named(json))))}`)
  }

  #named(text: string): string {
    for (const [id, name] of this.#names) text = text.replaceAll(id, name)
    return text.replace(/(raw|i[ab])-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<new $1>')
  }

  async #connect(): Promise<RawConnection> {
    const connection = await RawConnection.open(this.#port)
    this.#connections.push(connection)
    return connection
  }
}

const subscription = Buffer.from(`\0\0\0\0\0\x01\0\x0b${topic}\xff\xff\xff\xff`, 'latin1')

function joinBody(groupId: string, over: Draft<JoinGroupRequest> = {}): Draft<JoinGroupRequest> {
  const protocols = [{ name: 'range', metadata: subscription }]
  return {
    groupId,
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 60_000,
    memberId: '',
    protocolType: 'consumer',
    protocols,
    ...over,
  }
}

function findBody(version: number, key: string) {
  return version >= 4 ? { keyType: 0, coordinatorKeys: [key, `${key}2`] } : { key }
}

function leaveBody(version: number, groupId: string, memberId: string) {
  return version >= 3 ? { groupId, members: [{ memberId }] } : { groupId, memberId }
}

function commitBody(groupId: string, offsets: Record<number, number>, committedMetadata: string | null = null) {
  const partitions = Object.entries(offsets).map(([partition, committedOffset]) => ({
    partitionIndex: Number(partition),
    committedOffset,
    committedMetadata,
  }))
  return { groupId, topics: [{ name: topic, partitions }] }
}

function deleteBody(groupId: string) {
  return {
    groupId,
    topics: [
      { name: topic, partitions: [{ partitionIndex: 0 }, { partitionIndex: 9 }] },
      { name: 'nowhere', partitions: [{ partitionIndex: 0 }] },
    ],
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, sorted(member)]))
}
