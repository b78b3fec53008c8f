import { messageOf } from '@millrace/runtime'
import { RegistryError } from './errors.ts'
import type { Reference } from './records.ts'

export interface RegistryClientOptions {
  /** Where the registry listens, `http://127.0.0.1:8081`; of several, the next is tried when one does not answer. */
  readonly url: string | readonly string[]
  /** Default 10,000. */
  readonly timeoutMs?: number
}

export interface RegisteredSchema {
  readonly id: number
  readonly version: number
  readonly subject: string
  readonly schema: string
  readonly references?: readonly Reference[]
}

/** A client of Confluent's REST API. What can't change (id → schema) is kept for ever; equal look-ups under way are one request. */
export class RegistryClient {
  readonly #urls: readonly string[]
  readonly #timeoutMs: number
  readonly #byId = new Map<number, Promise<string>>()
  readonly #registered = new Map<string, Promise<number>>()

  constructor({ url, timeoutMs = 10_000 }: RegistryClientOptions) {
    this.#urls = (typeof url === 'string' ? [url] : url).map(text => text.replace(/\/+$/, ''))
    this.#timeoutMs = timeoutMs
  }

  /** Registers the schema under the subject if it is not there; its id. Throws RegistryError (40901 incompatible, 42201 invalid, …). */
  register(subject: string, schema: string, references: readonly Reference[] = []): Promise<number> {
    return remember(this.#registered, `${subject}\n${schema}\n${JSON.stringify(references)}`, async () => {
      const answer = await this.request<{ id: number }>('POST', `/subjects/${encodeURIComponent(subject)}/versions`, {
        schema,
        ...(references.length > 0 ? { references } : {}),
      })
      return answer.id
    })
  }

  /** The text of the schema with that id. Throws RegistryError 40403. */
  schemaById(id: number): Promise<string> {
    return remember(this.#byId, id, async () => (await this.request<{ schema: string }>('GET', `/schemas/ids/${id}`)).schema)
  }

  latest(subject: string): Promise<RegisteredSchema> {
    return this.request('GET', `/subjects/${encodeURIComponent(subject)}/versions/latest`)
  }

  subjects(): Promise<string[]> {
    return this.request('GET', '/subjects')
  }

  /** One call of the API; `path` begins with a slash. Throws RegistryError; 50003 when no registry answers. */
  async request<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T> {
    let reason = ''
    for (const url of this.#urls) {
      let response: Response
      try {
        response = await fetch(url + path, {
          method,
          signal: AbortSignal.timeout(this.#timeoutMs),
          headers: { accept: 'application/vnd.schemaregistry.v1+json', 'content-type': 'application/vnd.schemaregistry.v1+json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
      } catch (error) {
        reason = `${url}: ${messageOf((error as Error).cause ?? error)}`
        continue
      }
      const answer = (await response.json()) as T & { error_code?: number; message?: string }
      if (response.ok) return answer
      throw new RegistryError(answer.error_code ?? response.status, answer.message ?? response.statusText)
    }
    throw new RegistryError(50003, `No schema registry answers (${reason})`)
  }
}

/** The promise of the first call for the key; a failure is forgotten, so that the next call tries again. */
function remember<K, V>(cache: Map<K, Promise<V>>, key: K, load: () => Promise<V>): Promise<V> {
  const known = cache.get(key)
  if (known) return known
  const loading = load()
  cache.set(key, loading)
  loading.catch(() => cache.delete(key))
  return loading
}
