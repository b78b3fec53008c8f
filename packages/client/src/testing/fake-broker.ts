import {
  type Api,
  ApiVersions,
  apiOf,
  apis,
  type Draft,
  decode,
  decodeRequestHeader,
  ErrorCode,
  encodeResponse,
  FindCoordinator,
  FrameSplitter,
  InitProducerId,
  Metadata,
} from '@millrace/protocol'
import type { Socket, World } from '@millrace/runtime'

export interface FakeRequest<Request = any> {
  readonly api: Api<Request, any>
  readonly version: number
  readonly correlationId: number
  readonly body: Request
  readonly socket: Socket
  /** Counts connections from 0. */
  readonly connection: number
}

/** `silent`: never answered. `cut`: the connection is closed instead. */
export type Answer<Response> = Draft<Response> | 'silent' | 'cut'
export type Handler<Request, Response> = (request: FakeRequest<Request>) => Answer<Response> | Promise<Answer<Response>>

const topicIdOf = (topic: string) => Buffer.from(topic.padEnd(16, '_').slice(0, 16)).toString('base64url')

/** A broker of which a test says what it answers. It leads all partitions of the topics that it is told of. */
export class FakeBroker {
  readonly nodeId: number
  readonly host: string
  readonly port = 9092
  /** Topic to number of partitions. */
  readonly topics = new Map<string, number>()
  /** Node ids of leaders, where it is not this broker. */
  readonly leaders = new Map<string, { readonly nodeId: number; readonly leaderEpoch: number }>()
  /** Other brokers, for Metadata. */
  readonly peers: FakeBroker[] = []
  /** All that came, in order. */
  readonly requests: FakeRequest[] = []
  readonly #handlers = new Map<number, Handler<any, any>>()
  #connections = 0

  constructor(host: string, nodeId = 1) {
    this.host = host
    this.nodeId = nodeId
    this.on(ApiVersions, ({ version }) =>
      version > ApiVersions.versions!.max
        ? { errorCode: ErrorCode.UNSUPPORTED_VERSION }
        : {
            apiKeys: apis
              .filter(({ versions }) => versions !== null)
              .map(({ key, versions }) => ({ apiKey: key, minVersion: versions!.min, maxVersion: versions!.max })),
          },
    )
    this.on(Metadata, ({ body }) => this.#metadata(body.topics?.map(({ name }) => name!) ?? [...this.topics.keys()]))
    this.on(InitProducerId, () => ({ producerId: 4000, producerEpoch: 0 }))
    this.on(FindCoordinator, ({ body }) => ({
      coordinators: body.coordinatorKeys.map(key => ({ key, nodeId, host, port: this.port, errorCode: 0, errorMessage: null })),
    }))
  }

  get bootstrapServers(): string {
    return `${this.host}:${this.port}`
  }

  listen(world: World): Promise<unknown> {
    return world.net.listen({ host: this.host, port: this.port }, socket => this.#serve(socket))
  }

  on<Request, Response>(api: Api<Request, Response>, handler: Handler<Request, Response>): void {
    this.#handlers.set(api.key, handler)
  }

  of<Request>(api: Api<Request, any>): FakeRequest<Request>[] {
    return this.requests.filter(request => request.api === api)
  }

  topicId(topic: string): string {
    return topicIdOf(topic)
  }

  #serve(socket: Socket): void {
    const splitter = new FrameSplitter(100 * 1024 * 1024)
    const connection = this.#connections++
    let last: Promise<void> = Promise.resolve()
    socket.receive({
      // One after the other, as Kafka does.
      data: bytes => {
        for (const frame of splitter.push(bytes)) last = last.then(() => this.#answer(frame, socket, connection))
      },
      drain: () => {},
      close: () => {},
    })
  }

  async #answer(frame: Buffer, socket: Socket, connection: number): Promise<void> {
    const { apiKey, apiVersion, correlationId, bodyOffset } = decodeRequestHeader(frame)
    const api = apiOf(apiKey)!
    const body = decode(api.request, apiVersion, frame, bodyOffset)
    const request: FakeRequest = { api, version: apiVersion, correlationId, body, socket, connection }
    this.requests.push(request)
    const handler = this.#handlers.get(apiKey)
    if (!handler) throw new Error(`the test says nothing about ${api.name}`)
    const answer = await handler(request)
    if (answer === 'cut') socket.destroy()
    else if (answer !== 'silent') {
      const refused = api === ApiVersions && (answer as { errorCode?: number }).errorCode === ErrorCode.UNSUPPORTED_VERSION
      socket.write(encodeResponse(api, refused ? 0 : apiVersion, correlationId, answer))
    }
  }

  #metadata(names: readonly string[]) {
    const nodes = [this, ...this.peers]
    return {
      brokers: nodes.map(({ nodeId, host, port }) => ({ nodeId, host, port })),
      clusterId: 'fake',
      controllerId: this.nodeId,
      topics: names.map(name => {
        const count = this.topics.get(name)
        if (count === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, name }
        return {
          name,
          topicId: topicIdOf(name),
          partitions: Array.from({ length: count }, (_, partitionIndex) => {
            const { nodeId, leaderEpoch } = this.leaders.get(`${name}-${partitionIndex}`) ?? {
              nodeId: this.nodeId,
              leaderEpoch: 0,
            }
            return { partitionIndex, leaderId: nodeId, leaderEpoch, replicaNodes: [nodeId], isrNodes: [nodeId] }
          }),
        }
      }),
    }
  }
}
