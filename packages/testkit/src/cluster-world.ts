import {
  type Clock,
  type Cpu,
  type Disk,
  DiskError,
  type File,
  type Listener,
  type Lock,
  type Net,
  type Socket,
  type Timer,
  type World,
} from '@millrace/runtime'

/**
 * The World of one life of a node in the process of a test. `revoke` is its SIGKILL: timers do not fire, sockets are reset, promises stay open, files are closed as they are; the code
 * that runs on it simply stops.
 */
export class RevocableWorld {
  readonly world: World
  #isRevoked = false
  readonly #timers = new Set<Timer>()
  readonly #sockets = new Set<Socket>()
  readonly #listeners = new Set<Listener>()
  readonly #files = new Set<OpenFile>()
  readonly #locks = new Set<Lock>()

  constructor(base: World) {
    this.world = {
      clock: this.#clock(base.clock),
      net: this.#net(base.net),
      disk: this.#disk(base.disk),
      random: base.random,
      cpu: this.#cpu(base.cpu),
    }
  }

  /** Ends the life. Resolves when the system has let go of its ports and files, so that the next one can take them. */
  async revoke(): Promise<void> {
    if (this.#isRevoked) return
    this.#isRevoked = true
    for (const timer of this.#timers) timer.cancel()
    for (const socket of this.#sockets) socket.destroy()
    const listeners = [...this.#listeners].map(listener => listener.close())
    const files = [...this.#files].map(file => file.abandon())
    for (const lock of this.#locks) lock.release()
    await Promise.all([...listeners, ...files])
  }

  #clock(base: Clock): Clock {
    return {
      now: () => base.now(),
      monotonic: () => base.monotonic(),
      timer: (delayMs, fire) => {
        if (this.#isRevoked) return { cancel: () => {} }
        const timer = base.timer(delayMs, () => {
          this.#timers.delete(timer)
          fire()
        })
        this.#timers.add(timer)
        return {
          cancel: () => {
            this.#timers.delete(timer)
            timer.cancel()
          },
        }
      },
      defer: run =>
        base.defer(() => {
          if (!this.#isRevoked) run()
        }),
    }
  }

  #net(base: Net): Net {
    return {
      listen: (options, accept) =>
        this.#whileAlive(
          base.listen(options, socket => {
            if (this.#isRevoked) socket.destroy()
            else accept(this.#socket(socket))
          }),
          listener => {
            this.#listeners.add(listener)
            return listener
          },
          listener => void listener.close(),
        ),
      connect: options =>
        this.#whileAlive(
          base.connect(options),
          socket => this.#socket(socket),
          socket => socket.destroy(),
        ),
    }
  }

  #socket(socket: Socket): Socket {
    this.#sockets.add(socket)
    const ifAlive = (run: () => void) => {
      if (!this.#isRevoked) run()
    }
    return {
      remoteHost: socket.remoteHost,
      remotePort: socket.remotePort,
      localPort: socket.localPort,
      get bufferedBytes() {
        return socket.bufferedBytes
      },
      receive: events =>
        socket.receive({
          data: bytes => ifAlive(() => events.data(bytes)),
          drain: () => ifAlive(() => events.drain()),
          close: error => {
            this.#sockets.delete(socket)
            ifAlive(() => events.close(error))
          },
        }),
      write: chunks => this.#isRevoked || socket.write(chunks),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      end: () => ifAlive(() => socket.end()),
      destroy: () => socket.destroy(),
    }
  }

  #disk(base: Disk): Disk {
    const alive = <Arguments extends unknown[], T>(call: (...values: Arguments) => T) => {
      return (...values: Arguments): T => {
        if (this.#isRevoked) throw new DiskError('EIO', 'of a node that was killed')
        return call(...values)
      }
    }
    return {
      open: alive((path, mode) => {
        const file = new OpenFile(base.open(path, mode), () => this.#isRevoked)
        this.#files.add(file)
        file.closed = () => this.#files.delete(file)
        return file
      }),
      exists: alive(path => base.exists(path)),
      stat: alive(path => base.stat(path)),
      list: alive(path => base.list(path)),
      makeDirectory: alive(path => base.makeDirectory(path)),
      readFile: alive(path => base.readFile(path)),
      rename: alive((from, to) => base.rename(from, to)),
      remove: alive(path => base.remove(path)),
      removeDirectory: alive(path => base.removeDirectory(path)),
      syncDirectory: alive(path => base.syncDirectory(path)),
      lock: alive(path => {
        const lock = base.lock(path)
        this.#locks.add(lock)
        return {
          release: () => {
            if (this.#locks.delete(lock)) lock.release()
          },
        }
      }),
    }
  }

  #cpu(base: Cpu): Cpu {
    return {
      inflate: (codec, bytes, maxBytes) => this.#whileAlive(base.inflate(codec, bytes, maxBytes)),
      deflate: (codec, bytes, level) => this.#whileAlive(base.deflate(codec, bytes, level)),
    }
  }

  /** The work's outcome, unless the life is over by then: nobody hears of it any more. */
  #whileAlive<T>(work: Promise<T>, use: (value: T) => T = value => value, drop: (value: T) => void = () => {}): Promise<T> {
    return new Promise((resolve, reject) =>
      work.then(
        value => (this.#isRevoked ? drop(value) : resolve(use(value))),
        error => {
          if (!this.#isRevoked) reject(error)
        },
      ),
    )
  }
}

/** A file that can be let go of while the system still syncs it. */
class OpenFile implements File {
  closed: () => void = () => {}
  readonly #file: File
  readonly #isRevoked: () => boolean
  #syncs = 0
  #isClosed = false
  #synced: (() => void) | null = null

  constructor(file: File, isRevoked: () => boolean) {
    this.#file = file
    this.#isRevoked = isRevoked
  }

  get path(): string {
    return this.#file.path
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes
  }

  write(chunks: readonly Uint8Array[], position: number): void {
    this.#check()
    this.#file.write(chunks, position)
  }

  read(into: Uint8Array, position: number): number {
    this.#check()
    return this.#file.read(into, position)
  }

  truncate(sizeBytes: number): void {
    this.#check()
    this.#file.truncate(sizeBytes)
  }

  async sync(): Promise<void> {
    this.#check()
    this.#syncs++
    try {
      await this.#file.sync()
    } finally {
      if (--this.#syncs === 0) this.#synced?.()
    }
    if (this.#isRevoked()) await new Promise(() => {})
  }

  syncNow(): void {
    this.#check()
    this.#file.syncNow()
  }

  close(): void {
    if (this.#isClosed || this.#isRevoked()) return
    this.#isClosed = true
    this.closed()
    this.#file.close()
  }

  /** Closes it once nothing of it is being synced: its handle may belong to another file after that. */
  async abandon(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#syncs > 0)
      await new Promise<void>(resolve => {
        this.#synced = resolve
      })
    this.#file.close()
  }

  #check(): void {
    if (this.#isRevoked()) throw new DiskError('EIO', this.path)
  }
}
