import { MillraceError } from '@millrace/runtime'

/** The registry is a child of this job: killed, it is back within seconds. */
const patienceMs = 60_000
const pauseMs = 200

/** Tries again while what fails may go well later. Rejects with the last failure when it does not in a minute, or `isOver`. */
export async function patiently<T>(attempt: () => T | Promise<T>, isOver: () => boolean): Promise<T> {
  for (const deadlineMs = performance.now() + patienceMs; ; ) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof MillraceError && error.retriable) || isOver() || performance.now() > deadlineMs) throw error
      await new Promise(resolve => setTimeout(resolve, pauseMs))
    }
  }
}
