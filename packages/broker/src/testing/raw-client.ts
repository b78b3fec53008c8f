import { type Api, type Draft, decodeResponse, encodeRequest, FrameSplitter } from '@millrace/protocol'
import type { Socket, World } from '@millrace/runtime'

/** One connection for tests: requests may be pipelined, responses are matched by correlation id. */
export class RawClient {
  readonly #socket: Socket
  readonly #waiting = new Map<number, { resolve: (frame: Buffer) => void; reject: (error: Error) => void }>()
  #nextCorrelationId = 1
  isClosed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    const splitter = new FrameSplitter(2 ** 31 - 1)
    socket.receive({
      data: bytes => {
        for (const frame of splitter.push(bytes)) {
          const correlationId = frame.readInt32BE(0)
          this.#waiting.get(correlationId)?.resolve(frame)
          this.#waiting.delete(correlationId)
        }
      },
      drain: () => {},
      close: () => {
        this.isClosed = true
        for (const { reject } of this.#waiting.values()) reject(new Error('the connection was closed instead of answered'))
        this.#waiting.clear()
      },
    })
  }

  static async connect(world: World, port: number): Promise<RawClient> {
    return new RawClient(await world.net.connect({ host: '127.0.0.1', port, timeoutMs: 5000 }))
  }

  async request<Request, Response>(api: Api<Request, Response>, version: number, body: Draft<Request>): Promise<Response> {
    const correlationId = this.#nextCorrelationId++
    const answered = new Promise<Buffer>((resolve, reject) => this.#waiting.set(correlationId, { resolve, reject }))
    this.#socket.write(encodeRequest(api, version, { correlationId, clientId: 'raw' }, body))
    return decodeResponse(api, version, await answered).body
  }

  close(): void {
    this.#socket.destroy()
  }
}
