import { constants } from 'node:os'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface Stop {
  /** Resolves with the first signal that asks the process to stop, or `disconnect`; rejects with what was given to `failed`. */
  readonly reason: Promise<string>
  /** For a node that cannot go on. */
  readonly failed: (error: Error) => void
}

/**
 * Waits for the end of a process that runs until it is told to stop. A second signal ends it at once, with the exit code that shells give it.
 * `disconnect`: the process that started it on the pinned Node is gone.
 */
export function untilStopped(): Stop {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  // Whoever waits later sees the failure; nobody waits while the node still starts.
  promise.catch(() => {})
  let stopping = false
  for (const signal of signals) {
    process.on(signal, () => {
      if (stopping) process.exit(128 + constants.signals[signal])
      stopping = true
      resolve(signal)
    })
  }
  process.once('disconnect', () => {
    stopping = true
    resolve('disconnect')
  })
  process.channel?.unref()
  return { reason: promise, failed: reject }
}
