export interface Outcome<T> {
  readonly value?: T
  readonly error?: any
}

/** What runs virtual time: the test kit's universe. */
interface Running {
  readonly scheduler: { run(options: { done: () => boolean; maxEvents: number }): Promise<unknown> }
}

/** Runs the universe until the promise is settled. Throws when nothing more can happen before that, or after a million events. */
export async function settledIn<T>(universe: Running, promise: Promise<T>): Promise<Outcome<T>> {
  let outcome: Outcome<T> | undefined
  promise.then(
    value => (outcome = { value }),
    error => (outcome = { error }),
  )
  await universe.scheduler.run({ done: () => outcome !== undefined, maxEvents: 1_000_000 })
  if (!outcome) throw new Error('nothing more can happen, and the promise is not settled')
  return outcome
}
