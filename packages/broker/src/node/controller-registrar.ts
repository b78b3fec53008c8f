import { ControllerRegistration, ErrorCode, errorFacts } from '@millrace/protocol'
import { type Logger, messageOf, type Timer, type World } from '@millrace/runtime'
import type { ClusterControllerClient } from '../channel/controller-client.ts'
import { supportedFeatures } from '../controller/features.ts'
import { newUuid } from '../storage/new-uuid.ts'
import type { BoundListener } from './node-listeners.ts'

export interface ControllerRegistrarOptions {
  readonly world: World
  readonly logger: Logger
  readonly nodeId: number
  readonly controller: ClusterControllerClient
  readonly listeners: readonly BoundListener[]
}

const retryMs = 500

/** Tells the active controller, once a process, that this controller is there and where it listens; tried until it is taken. */
export class ControllerRegistrar {
  readonly #options: ControllerRegistrarOptions
  readonly #incarnationId: string
  #timer: Timer | null = null
  #closed = false

  constructor(options: ControllerRegistrarOptions) {
    this.#options = options
    this.#incarnationId = newUuid(options.world)
  }

  start(): void {
    void this.#register()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  async #register(): Promise<void> {
    const { world, logger, nodeId, controller, listeners } = this.#options
    const request = {
      controllerId: nodeId,
      incarnationId: this.#incarnationId,
      zkMigrationReady: false,
      listeners,
      features: supportedFeatures,
    }
    let why: string
    try {
      const { errorCode, errorMessage } = await controller.request(ControllerRegistration, 0, request)
      // A cluster below 3.7 keeps no controllers.
      if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.UNSUPPORTED_VERSION || this.#closed) return
      why = errorMessage ?? errorFacts(errorCode).name
    } catch (error) {
      if (this.#closed) return
      why = messageOf(error)
    }
    logger.warn('controller.not-registered', { nodeId, reason: why })
    this.#timer = world.clock.timer(retryMs, () => void this.#register())
  }
}
