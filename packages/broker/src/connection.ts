import { FrameSplitter } from '@millrace/protocol'
import { AssertionError, type Logger, MillraceError, messageOf, type Socket } from '@millrace/runtime'
import type { ConnectionContext } from './api/handler.ts'
import type { BrokerMetrics } from './broker-metrics.ts'
import type { MemoryUser, RequestMemory } from './request-memory.ts'

/** Limits of one connection, each from a configuration key or a named constant of the server. */
export interface ConnectionLimits {
  /** `socket.request.max.bytes`. */
  readonly maxRequestBytes: number
  /** Above this many response bytes that the peer has not taken, none of its requests is started. */
  readonly maxBufferedResponseBytes: number
  /** Requests of a pipelining API that may be in progress at a time. */
  readonly maxPipelinedRequests: number
}

/** What a request came to. `chunks` null: nothing is sent. */
export interface Answer {
  readonly chunks: readonly Uint8Array[] | null
  /** Close once everything before and this answer have left. */
  readonly close: boolean
  /** Called when the chunks have left the process; never when the connection is lost before. */
  readonly sent?: () => void
}

/** Turns a frame into its answer; throws (rejects) for what closes the connection. */
export interface Dispatcher {
  /** Whether the frame's API may start while earlier requests of the same API are in progress. */
  isPipelined(frame: Buffer): boolean
  dispatch(frame: Buffer, connection: Connection): Answer | Promise<Answer>
}

export interface ConnectionOptions {
  readonly id: number
  readonly socket: Socket
  readonly listenerName: string
  readonly limits: ConnectionLimits
  readonly memory: RequestMemory
  readonly dispatcher: Dispatcher
  readonly logger: Logger
  readonly metrics: BrokerMetrics
  readonly monotonic: () => number
  /** The last call, once. */
  readonly closed: (connection: Connection) => void
}

/** A request in progress, in its place in the order of answers. */
interface Turn {
  readonly frameBytes: number
  answer: Answer | null
}

const sizePrefixBytes = 4

/**
 * One client: frames in, answers out in the same order. The next request starts when the one before is answered, except that requests of a
 * pipelining API overlap. Reading stops while a request waits for its turn, and while the peer does not take its answers.
 */
export class Connection implements ConnectionContext, MemoryUser {
  readonly id: number
  readonly clientHost: string
  readonly clientPort: number
  readonly listenerName: string
  softwareName = ''
  softwareVersion = ''
  /** Monotonic time of the last byte received or answer begun. */
  lastActiveMs: number

  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #splitter: FrameSplitter
  /** Frames that wait for their turn: never more than one received chunk holds. */
  #pending: Buffer[] = []
  readonly #turns: Turn[] = []
  #unansweredTurns = 0
  #turnsArePipelined = false
  /** Bytes of answers that wait in `turns` for their place. */
  #answeredBytes = 0
  #receivedBytes = 0
  #pausedForMemory = false
  #pausedForTurn = false
  #running = false
  #flushQueued = false
  /** Of answers that the socket still holds. */
  #unsent: (() => void)[] = []
  /** No further request is started; `ending` also waits for the answers in progress. */
  #state: 'open' | 'ending' | 'closed' = 'open'
  readonly #closeListeners = new Set<() => void>()

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.id = options.id
    this.#socket = options.socket
    this.clientHost = options.socket.remoteHost
    this.clientPort = options.socket.remotePort
    this.listenerName = options.listenerName
    this.lastActiveMs = options.monotonic()
    this.#splitter = new FrameSplitter(options.limits.maxRequestBytes)
    this.#socket.receive({
      data: bytes => this.#receive(bytes),
      drain: () => this.#run(),
      close: error => this.#closed(error),
    })
  }

  /** True while the client waits for an answer: a rebalance or a long poll may take longer than the idle limit. */
  get isWaiting(): boolean {
    return this.#unansweredTurns > 0
  }

  whenClosed(listener: () => void): () => void {
    this.#closeListeners.add(listener)
    return () => this.#closeListeners.delete(listener)
  }

  /** Starts no further request, ends what waits, and closes when the answers in progress have left. */
  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#notifyClosed()
    this.#flush()
  }

  /** Closes at once. */
  destroy(): void {
    this.#state = 'closed'
    this.#socket.destroy()
  }

  /** Closes at once after one log line that says why. */
  fail(event: string, reason: string): void {
    if (this.#state === 'closed') return
    this.#options.logger.warn(event, {
      client: this.#client,
      listener: this.listenerName,
      reason,
      software: this.softwareName === '' ? undefined : `${this.softwareName}/${this.softwareVersion}`,
    })
    this.#state = 'closed'
    this.#socket.destroy()
  }

  pauseReading(): void {
    this.#pausedForMemory = true
    this.#socket.pause()
  }

  resumeReading(): void {
    this.#pausedForMemory = false
    if (!this.#pausedForTurn) this.#socket.resume()
  }

  #receive(bytes: Buffer): void {
    if (this.#state !== 'open') return
    this.lastActiveMs = this.#options.monotonic()
    this.#receivedBytes += bytes.length
    this.#options.metrics.received(bytes.length)
    this.#options.memory.take(this, bytes.length)
    let frames: Buffer[]
    try {
      frames = this.#splitter.push(bytes)
    } catch (error) {
      this.#options.metrics.requestRefused()
      this.fail('connection.protocol-error', messageOf(error))
      return
    }
    if (this.#pending.length === 0) this.#pending = frames
    else this.#pending.push(...frames)
    this.#run()
  }

  #run(): void {
    if (this.#running) return
    this.#running = true
    this.#noteSent()
    let started = 0
    while (started < this.#pending.length && this.#mayStart(this.#pending[started]!)) this.#start(this.#pending[started++]!)
    this.#running = false
    if (started > 0) this.#pending = started === this.#pending.length ? [] : this.#pending.slice(started)
    this.#flush()
    this.#pauseOrResume()
  }

  #mayStart(frame: Buffer): boolean {
    if (this.#state !== 'open') return false
    const { limits, dispatcher } = this.#options
    if (this.#socket.bufferedBytes + this.#answeredBytes > limits.maxBufferedResponseBytes) return false
    if (this.#unansweredTurns === 0) return true
    return this.#turnsArePipelined && this.#unansweredTurns < limits.maxPipelinedRequests && dispatcher.isPipelined(frame)
  }

  #start(frame: Buffer): void {
    const turn: Turn = { frameBytes: frame.length + sizePrefixBytes, answer: null }
    this.#turns.push(turn)
    this.#unansweredTurns++
    this.#turnsArePipelined = this.#options.dispatcher.isPipelined(frame)
    let answer: Answer | Promise<Answer>
    try {
      answer = this.#options.dispatcher.dispatch(frame, this)
    } catch (error) {
      this.#refuse(error)
      return
    }
    if (answer instanceof Promise)
      answer.then(
        settled => this.#answer(turn, settled),
        error => this.#refuse(error),
      )
    else this.#answer(turn, answer)
  }

  /** What no response can say: a request that is none, or, in an error line with its place, a bug of ours. */
  #refuse(error: unknown): void {
    if (this.#state !== 'closed') this.#options.metrics.requestRefused()
    if (error instanceof MillraceError && !(error instanceof AssertionError)) {
      this.fail('connection.request-refused', messageOf(error))
    } else if (this.#state !== 'closed') {
      const at = error instanceof Error ? error.stack?.split('\n')[1]?.trim() : undefined
      this.#options.logger.error('connection.request-failed', { client: this.#client, reason: messageOf(error), at })
      this.destroy()
    }
  }

  get #client(): string {
    return `${this.clientHost}:${this.clientPort}`
  }

  #answer(turn: Turn, answer: Answer): void {
    turn.answer = answer
    this.#unansweredTurns--
    this.#answeredBytes += sizeOf(answer)
    if (this.#running || this.#flushQueued || this.#state === 'closed') return
    // Answers that complete in one tick leave in one write.
    this.#flushQueued = true
    queueMicrotask(() => {
      this.#flushQueued = false
      if (this.#state === 'open') this.#run()
      else this.#flush()
    })
  }

  /** Writes the answers at the head of the order that are complete. */
  #flush(): void {
    if (this.#state === 'closed') return
    let chunks: Uint8Array[] | null = null
    let doneBytes = 0
    let answerBytes = 0
    let close = false
    while (this.#turns.length > 0 && this.#turns[0]!.answer !== null && !close) {
      const { answer, frameBytes } = this.#turns.shift()!
      doneBytes += frameBytes
      const bytes = sizeOf(answer!)
      answerBytes += bytes
      this.#answeredBytes -= bytes
      close = answer!.close
      if (answer!.chunks === null) continue
      chunks ??= []
      for (const chunk of answer!.chunks) chunks.push(chunk)
      if (answer!.sent) this.#unsent.push(answer!.sent)
    }
    if (chunks !== null) {
      this.lastActiveMs = this.#options.monotonic()
      this.#options.metrics.transmitted(answerBytes)
      this.#socket.write(chunks)
      this.#noteSent()
    }
    if (doneBytes > 0) {
      this.#receivedBytes -= doneBytes
      this.#options.memory.release(this, doneBytes)
    }
    if (close || (this.#state === 'ending' && this.#turns.length === 0)) {
      this.#state = 'closed'
      this.#socket.end()
    }
  }

  #noteSent(): void {
    if (this.#unsent.length === 0 || this.#socket.bufferedBytes > 0) return
    const unsent = this.#unsent
    this.#unsent = []
    for (const sent of unsent) sent()
  }

  #pauseOrResume(): void {
    const blocked = this.#pending.length > 0
    if (blocked === this.#pausedForTurn) return
    this.#pausedForTurn = blocked
    if (blocked) this.#socket.pause()
    else if (!this.#pausedForMemory) this.#socket.resume()
  }

  #closed(_error: Error | undefined): void {
    this.#state = 'closed'
    this.#options.memory.leave(this, this.#receivedBytes)
    this.#receivedBytes = 0
    this.#pending = []
    this.#unsent = []
    this.#notifyClosed()
    this.#options.closed(this)
  }

  #notifyClosed(): void {
    const listeners = [...this.#closeListeners]
    this.#closeListeners.clear()
    for (const listener of listeners) listener()
  }
}

function sizeOf(answer: Answer): number {
  let bytes = 0
  if (answer.chunks !== null) for (const chunk of answer.chunks) bytes += chunk.length
  return bytes
}
