import { ErrorCode, errorOf } from '@millrace/protocol'
import type { Logger } from '@millrace/runtime'

/** What other nodes refuse goes into the log once, not with every try, until they answer without error again. */
export class Refusals {
  readonly #logger: Logger
  readonly #told = new Map<string, number>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  answered(api: string, by: number, errorCode: number): void {
    const key = `${api} ${by}`
    if (errorCode === ErrorCode.NONE) this.#told.delete(key)
    else if (this.#told.get(key) !== errorCode) {
      this.#told.set(key, errorCode)
      this.#logger.warn('raft.refused', { api, by, error: errorOf(errorCode).message })
    }
  }
}
