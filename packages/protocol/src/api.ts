import { type Message, type VersionRange, versionRange } from './schema.ts'

/** A request and its response. */
export interface Api<Request, Response> {
  readonly key: number
  readonly name: string
  /** The versions that are spoken: the stable ones of Apache Kafka 4.3.1. Null: declared for later only. */
  readonly versions: VersionRange | null
  /** Where it is served. */
  readonly listeners: readonly ('broker' | 'controller')[]
  /** Between brokers and controllers: needs the ClusterAction permission. */
  readonly clusterAction: boolean
  /** A broker that is not the controller passes it on. */
  readonly forwarded: boolean
  readonly request: Message<Request>
  readonly response: Message<Response>
}

/** Declares an API. `versions` when it is not all that the request declares. */
export function api<Request, Response>(declared: {
  readonly key: number
  readonly name: string
  readonly versions?: `${number}-${number}` | `${number}` | 'none'
  readonly listeners: readonly ('broker' | 'controller')[]
  readonly clusterAction?: true
  readonly forwarded?: true
  readonly request: Message<Request>
  readonly response: Message<Response>
}): Api<Request, Response> {
  const { key, name, versions, listeners, clusterAction = false, forwarded = false, request, response } = declared
  const spoken = versions === undefined ? request.versions : versions === 'none' ? null : versionRange(versions)
  return { key, name, versions: spoken, listeners, clusterAction, forwarded, request, response }
}

/** Version of the request header that precedes a request body of `version`. */
export function requestHeaderVersion(api: Api<any, any>, version: number): 1 | 2 {
  return version >= api.request.flexibleFrom ? 2 : 1
}

/** Version of the response header. ApiVersions keeps 0 for ever: the client may not yet know what the broker speaks. */
export function responseHeaderVersion(api: Api<any, any>, version: number): 0 | 1 {
  return version >= api.response.flexibleFrom && api.key !== 18 ? 1 : 0
}
