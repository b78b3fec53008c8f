import { DiskError } from '@millrace/runtime'

/** Codes that say something about this process or a call, not about the disk. */
const harmless = new Set(['EMFILE', 'ENFILE', 'ELOCKED'])

/** Notices the first failure of the disk under a log: from then on nothing may be appended, since the state of the files is not known. */
export class DiskGuard {
  readonly #failed: (error: DiskError) => void
  #failure: DiskError | null = null

  constructor(failed: (error: DiskError) => void) {
    this.#failed = failed
  }

  get failure(): DiskError | null {
    return this.#failure
  }

  /** Throws the failure, if there was one. */
  check(): void {
    if (this.#failure !== null) throw this.#failure
  }

  fail(error: DiskError): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#failed(error)
  }

  run<T>(use: () => T): T {
    try {
      return use()
    } catch (error) {
      throw this.#noticed(error)
    }
  }

  async runLater<T>(use: () => Promise<T>): Promise<T> {
    try {
      return await use()
    } catch (error) {
      throw this.#noticed(error)
    }
  }

  #noticed(error: unknown): unknown {
    if (error instanceof DiskError && !harmless.has(error.code)) this.fail(error)
    return error
  }
}
