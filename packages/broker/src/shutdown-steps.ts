import { type Logger, messageOf } from '@millrace/runtime'

/** What has to be closed, in the reverse order of its opening. */
export class ShutdownSteps {
  readonly #logger: Logger
  readonly #steps: { readonly name: string; readonly close: () => void | Promise<void> }[] = []
  #running: Promise<void> | null = null

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(name: string, close: () => void | Promise<void>): void {
    this.#steps.push({ name, close })
  }

  /** Runs every step once, also after one that fails; later calls wait for the first. */
  run(): Promise<void> {
    this.#running ??= this.#run()
    return this.#running
  }

  async #run(): Promise<void> {
    for (const { name, close } of this.#steps.reverse()) {
      try {
        await close()
      } catch (error) {
        this.#logger.error('broker.not-closed', { part: name, reason: messageOf(error) })
      }
    }
  }
}
