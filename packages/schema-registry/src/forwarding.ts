import { messageOf } from '@millrace/runtime'
import { registryErrors } from './errors.ts'
import type { Primary } from './primary.ts'

/** Says that a request comes from another registry. */
export const forwardHeader = 'x-forward'

/** Of a client's request: what the primary needs of it, and nothing of the connection. */
const forwardedHeaders = ['accept', 'authorization', 'content-type', 'x-confluent-accept-unknown-properties'] as const

export interface ForwardedRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** JSON; null: none. */
  readonly body: unknown
}

export interface ForwardedAnswer {
  readonly status: number
  readonly body: unknown
}

const retryMs = 200

/**
 * Has the primary answer a write. A primary that refuses the connection may have gone: the next one is waited for. Throws RegistryError 50004 when
 * there is none in time, 50003 when it does not answer.
 */
export async function forward(
  primary: Primary,
  request: ForwardedRequest,
  timeoutMs: number,
  sleep: (ms: number) => Promise<void>,
): Promise<ForwardedAnswer | 'here'> {
  for (let leftMs = timeoutMs; ; leftMs -= retryMs) {
    const url = await primary.url(leftMs)
    // Elected while the request waited.
    if (primary.isHere) return 'here'
    try {
      return await send(url, request, timeoutMs)
    } catch (error) {
      const cause = (error as Error).cause as { code?: string } | undefined
      if (cause?.code !== 'ECONNREFUSED' || leftMs <= retryMs)
        throw registryErrors.forwardingFailed(`${url}: ${messageOf(cause ?? error)}`)
      await sleep(retryMs)
    }
  }
}

async function send(url: string, { method, path, headers, body }: ForwardedRequest, timeoutMs: number): Promise<ForwardedAnswer> {
  const passed = forwardedHeaders.flatMap(name => {
    const value = headers[name]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  const response = await fetch(url + path, {
    method,
    headers: { ...Object.fromEntries(passed), [forwardHeader]: 'true' },
    signal: AbortSignal.timeout(timeoutMs),
    ...(body === null || body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.json() }
}
