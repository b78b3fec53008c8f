import { MillraceError } from '@millrace/runtime'

/**
 * A stored value can't be read before something is fetched, a schema of an earlier version for instance. The task goes back to its last commit
 * when `ready` has settled: nothing of what it did since is durable.
 */
export class StoreNotReadyError extends MillraceError {
  readonly ready: Promise<unknown>

  constructor(store: string, ready: Promise<unknown>) {
    super('STORE_NOT_READY', `A value of store ${store} waits for its serde`, { retriable: true })
    this.ready = ready
  }
}

/** The value, or a StoreNotReadyError while it is a promise. */
export function settled<V>(store: string, value: V | Promise<V>): V {
  if (!(value instanceof Promise)) return value
  value.catch(() => {})
  throw new StoreNotReadyError(store, value)
}
