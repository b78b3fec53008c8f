import type { Clock, Timer } from '@millrace/runtime'

export interface FirstAnswerOptions<Target, Answer> {
  readonly clock: Clock
  /** In the order in which they are asked. */
  readonly targets: readonly Target[]
  /** How long one may take before the next is asked beside it. */
  readonly patienceMs: number
  readonly ask: (target: Target) => Promise<Answer>
  /** False: nobody else is asked after such a failure. Default: all are. */
  readonly mayGoOn?: (error: unknown) => boolean
}

/**
 * Asks several for the same: the next one when one has failed, or has not answered for a while, as a broker that hangs tells nobody. Resolves with
 * the first answer, rejects with the last failure when all have failed. What it asks for may be done more than once.
 */
export function firstAnswer<Target, Answer>(options: FirstAnswerOptions<Target, Answer>): Promise<Answer> {
  const { clock, targets, patienceMs, ask, mayGoOn } = options
  return new Promise((resolve, reject) => {
    let next = 0
    let outstanding = 0
    let isOver = false
    let timer: Timer | undefined
    const end = (settle: () => void) => {
      isOver = true
      timer?.cancel()
      settle()
    }
    const askNext = () => {
      timer?.cancel()
      timer = undefined
      const target = targets[next++]!
      outstanding++
      if (next < targets.length) timer = clock.timer(patienceMs, askNext)
      ask(target).then(
        answer => {
          if (!isOver) end(() => resolve(answer))
        },
        error => {
          outstanding--
          if (isOver) return
          if (mayGoOn && !mayGoOn(error)) end(() => reject(error))
          else if (next < targets.length) askNext()
          else if (outstanding === 0) end(() => reject(error))
        },
      )
    }
    askNext()
  })
}
