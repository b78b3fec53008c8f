import type { BrokerServices } from '../services.ts'
import type { ApiHandler } from './handler.ts'

export interface AdvertisedRange {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

type AnyHandler<Services> = ApiHandler<any, any, Services>

const produceKey = 0

/** The APIs that this node serves: a request is served, and ApiVersions advertises it, exactly if its handler is here. */
export class ApiTable<Services = BrokerServices> {
  readonly #handlers: (AnyHandler<Services> | undefined)[] = []

  constructor(handlers: readonly AnyHandler<Services>[]) {
    for (const handler of handlers) this.add(handler)
  }

  /** Throws if the key is taken: two handlers of one API are a mistake of the assembly. */
  add(handler: AnyHandler<Services>): void {
    if (this.#handlers[handler.api.key] !== undefined) throw new Error(`two handlers for API key ${handler.api.key}`)
    this.#handlers[handler.api.key] = handler
  }

  handler(apiKey: number): AnyHandler<Services> | undefined {
    return this.#handlers[apiKey]
  }

  /** By key. Produce is advertised from version 0, as librdkafka turns features off otherwise (KAFKA-18659); versions below 3 are refused all the same. */
  advertised(): AdvertisedRange[] {
    const ranges: AdvertisedRange[] = []
    for (const handler of this.#handlers) {
      if (handler === undefined) continue
      const { min, max } = handler.versions
      ranges.push({ apiKey: handler.api.key, minVersion: handler.api.key === produceKey ? 0 : min, maxVersion: max })
    }
    return ranges
  }
}
