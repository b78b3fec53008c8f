import { type Api, type Draft, decodeResponse, encodeRequest, FrameSplitter } from '@millrace/protocol'
import type { World } from '@millrace/runtime'

const maxFrameBytes = 1 << 24
const connectMs = 1000

/** One request on a connection of its own, for what the client has no method for. Rejects when it is not answered in time. */
export async function request<Request, Response>(
  world: World,
  server: string,
  { api, version, body, timeoutMs }: { api: Api<Request, Response>; version: number; body: Draft<Request>; timeoutMs: number },
): Promise<Response> {
  const [host, port] = server.split(':')
  const socket = await world.net.connect({ host: host!, port: Number(port), timeoutMs: connectMs })
  try {
    return await new Promise<Response>((resolve, reject) => {
      const splitter = new FrameSplitter(maxFrameBytes)
      const timer = world.clock.timer(timeoutMs, () => reject(new Error(`${api.name} was not answered within ${timeoutMs} ms`)))
      socket.receive({
        data: bytes => {
          for (const frame of splitter.push(bytes)) {
            timer.cancel()
            resolve(decodeResponse(api, version, frame).body)
          }
        },
        drain: () => {},
        close: () => {
          timer.cancel()
          reject(new Error(`${server} closed the connection`))
        },
      })
      socket.write(encodeRequest(api, version, { correlationId: 1, clientId: 'changes' }, body))
    })
  } finally {
    socket.destroy()
  }
}
