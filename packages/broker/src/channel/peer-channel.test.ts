import { ApiVersions, Envelope, ErrorCode, encodeResponse, FrameSplitter, Heartbeat, Metadata } from '@millrace/protocol'
import { type Address, type Listener, nodeWorld, type Socket } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PeerChannel, type PeerChannelOptions } from './peer-channel.ts'

const world = nodeWorld()

/** A node that knows Heartbeat 0–2 and Metadata, answers the one and leaves the other waiting. */
class FakePeer {
  readonly sockets: Socket[] = []
  readonly clientIds: string[] = []
  #listener!: Listener

  static async start(): Promise<FakePeer> {
    const peer = new FakePeer()
    peer.#listener = await world.net.listen({ host: '127.0.0.1', port: 0 }, socket => peer.#accept(socket))
    return peer
  }
  get address(): Address {
    return { host: '127.0.0.1', port: this.#listener.port }
  }
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await this.#listener.close()
  }
  #accept(socket: Socket): void {
    this.sockets.push(socket)
    const splitter = new FrameSplitter(1_000_000)
    const data = (bytes: Buffer) => {
      for (const frame of splitter.push(bytes)) {
        const [key, version, correlationId] = [frame.readInt16BE(0), frame.readInt16BE(2), frame.readInt32BE(4)]
        if (key === ApiVersions.key && version > 3) {
          const apiKeys = [{ apiKey: key, minVersion: 0, maxVersion: 3 }]
          socket.write(encodeResponse(ApiVersions, 0, correlationId, { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys }))
        } else if (key === ApiVersions.key) {
          const apiKeys = [
            { apiKey: Heartbeat.key, minVersion: 0, maxVersion: 2 },
            { apiKey: Metadata.key, minVersion: 0, maxVersion: 12 },
          ]
          socket.write(encodeResponse(ApiVersions, version, correlationId, { apiKeys }))
        } else if (key === Heartbeat.key)
          socket.write(encodeResponse(Heartbeat, version, correlationId, { throttleTimeMs: version }))
      }
    }
    socket.receive({ data, drain: () => {}, close: () => {} })
  }
}

let peer: FakePeer
let channel: PeerChannel
const heartbeat = { groupId: 'g', generationId: 1, memberId: 'm' }
function open(options: Partial<PeerChannelOptions> = {}): PeerChannel {
  channel = new PeerChannel({
    world,
    address: () => peer.address,
    clientId: 'test',
    backoff: { initialMs: 1, maxMs: 5 },
    ...options,
  })
  return channel
}
beforeEach(async () => {
  peer = await FakePeer.start()
})
afterEach(async () => {
  channel.close()
  await peer.close()
})

test('requests go over one connection, in the highest version that both sides know, however old the ApiVersions of the peer', async () => {
  const channel = open()
  const answers = await Promise.all([1, 2, 3].map(() => channel.request(Heartbeat, heartbeat)))
  expect(answers.map(answer => answer.throttleTimeMs)).toEqual([2, 2, 2])
  expect((await channel.request(Heartbeat, heartbeat, { maxVersion: 1 })).throttleTimeMs).toBe(1)
  expect(peer.sockets).toHaveLength(1)
})

test('a body may depend on the version', async () => {
  const versions: number[] = []
  await open().request(Heartbeat, version => {
    versions.push(version)
    return heartbeat
  })
  expect(versions).toEqual([2])
})

test('an API that the peer does not serve is refused, and the connection goes on', async () => {
  const channel = open()
  const body = { requestData: new Uint8Array(), requestPrincipal: null, clientHostAddress: new Uint8Array() }
  await expect(channel.request(Envelope, body)).rejects.toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION })
  await channel.request(Heartbeat, heartbeat)
  expect(peer.sockets).toHaveLength(1)
})

test('a lost connection fails what is in flight, and the next request connects again', async () => {
  const channel = open()
  await channel.request(Heartbeat, heartbeat)
  const waiting = channel.request(Metadata, { topics: [] })
  peer.sockets[0]!.destroy()
  await expect(waiting).rejects.toMatchObject({ code: 'PEER_DISCONNECTED', retriable: true })
  await channel.request(Heartbeat, heartbeat)
  expect(peer.sockets).toHaveLength(2)
})

test('a peer that is not there is PEER_UNREACHABLE; once it is there, requests succeed', async () => {
  const { address } = peer
  await peer.close()
  const channel = open({ address: () => address })
  await expect(channel.request(Heartbeat, heartbeat)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE', retriable: true })
})

test('an address that is not known is PEER_UNREACHABLE', async () => {
  await expect(open({ address: () => null }).request(Heartbeat, heartbeat)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
})

test('no answer in time is PEER_TIMEOUT and costs the connection, as a late answer would meet the wrong request', async () => {
  const channel = open()
  const waiting = channel.request(Metadata, { topics: [] }, { timeoutMs: 20 })
  await expect(waiting).rejects.toMatchObject({ code: 'PEER_TIMEOUT' })
  expect(channel.isConnected).toBe(false)
})

test('a peer that has moved is followed', async () => {
  const other = await FakePeer.start()
  let { address } = peer
  const channel = open({ address: () => address })
  await channel.request(Heartbeat, heartbeat)
  address = other.address
  await channel.request(Heartbeat, heartbeat)
  expect([peer.sockets.length, other.sockets.length]).toEqual([1, 1])
  await other.close()
})

test('a closed channel refuses at once and for good', async () => {
  const channel = open()
  const waiting = channel.request(Metadata, { topics: [] })
  channel.close()
  await expect(waiting).rejects.toMatchObject({ code: 'PEER_CLOSED', retriable: false })
  await expect(channel.request(Heartbeat, heartbeat)).rejects.toMatchObject({ code: 'PEER_CLOSED' })
})

test('a channel that is closed while its peer says nothing keeps no connection', async () => {
  const universe = new SimulatedUniverse(1)
  const silent = universe.machine('silent').boot()
  await silent.net.listen({ host: 'silent', port: 9093 }, socket =>
    socket.receive({ data: () => {}, drain: () => {}, close: () => {} }),
  )
  const asking = open({ world: universe.machine('asking').boot(), address: () => ({ host: 'silent', port: 9093 }) })
  const refused = expect(asking.request(Metadata, { topics: [] })).rejects.toMatchObject({ code: 'PEER_CLOSED' })
  await universe.scheduler.run({ done: () => universe.net.openConnections === 1 })
  asking.close()
  await universe.scheduler.run({ untilMs: universe.scheduler.nowMs + 100 })
  await refused
  expect(universe.net.openConnections).toBe(0)
})
