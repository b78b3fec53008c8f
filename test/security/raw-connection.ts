import net from 'node:net'
import { type Api, type Draft, decodeResponse, encodeRequest, FrameSplitter } from '@millrace/protocol'

/** A socket that sends whatever it is told: requests of the protocol, and bytes that are none. */
export class RawConnection {
  readonly #socket: net.Socket
  readonly #splitter = new FrameSplitter(2 ** 31 - 1)
  readonly #frames: Buffer[] = []
  readonly #waiting: ((frame: Buffer | null) => void)[] = []
  #nextCorrelationId = 1
  /** Resolves when the broker has closed the connection. */
  readonly closed: Promise<void>
  isClosed = false

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', bytes => {
      for (const frame of this.#splitter.push(bytes)) {
        const wait = this.#waiting.shift()
        if (wait) wait(frame)
        else this.#frames.push(frame)
      }
    })
    socket.on('error', () => {})
    this.closed = new Promise(resolve =>
      socket.on('close', () => {
        this.isClosed = true
        for (const wait of this.#waiting.splice(0)) wait(null)
        resolve()
      }),
    )
  }

  static open(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: '127.0.0.1', port, noDelay: true }, () => resolve(new RawConnection(socket)))
      socket.once('error', reject)
    })
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Sends as fast as the peer takes it; resolves when all is handed over or the connection has closed. */
  async pour(bytes: Uint8Array, times: number): Promise<void> {
    for (let i = 0; i < times && !this.isClosed; i++) {
      if (this.#socket.write(bytes)) continue
      await Promise.race([new Promise(resolve => this.#socket.once('drain', resolve)), this.closed])
    }
  }

  /** The request's frame without sending it. */
  frameOf<Request>(api: Api<Request, any>, version: number, body: Draft<Request>): Buffer {
    return Buffer.concat(encodeRequest(api, version, { correlationId: this.#nextCorrelationId++, clientId: 'raw' }, body))
  }

  /** Sends a request and reads its response. Rejects when the connection closes instead. */
  async request<Request, Response>(api: Api<Request, Response>, version: number, body: Draft<Request>): Promise<Response> {
    this.send(this.frameOf(api, version, body))
    return decodeResponse(api, version, await this.frame()).body
  }

  /** The next frame, without its size. */
  async frame(): Promise<Buffer> {
    const have = this.#frames.shift()
    if (have) return have
    const frame = this.isClosed ? null : await new Promise<Buffer | null>(resolve => this.#waiting.push(resolve))
    if (frame === null) throw new Error('the connection was closed instead of answered')
    return frame
  }

  /** Takes nothing more from the socket until `resume`. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#socket.destroy()
  }
}
