import zlib from 'node:zlib'
import type { Clock, Cpu, World } from '@millrace/runtime'
import { SimulatedDisk } from './disk.ts'
import { type Host, SimulatedNet } from './net.ts'
import { SeededRandom } from './random.ts'
import { Scheduler } from './scheduler.ts'

const epochMs = Date.UTC(2001, 0, 1)

/** A whole network of machines on virtual time, from one seed. */
export class SimulatedUniverse {
  readonly seed: string | number
  readonly random: SeededRandom
  readonly scheduler = new Scheduler()
  readonly net: SimulatedNet
  readonly #machines = new Map<string, SimulatedMachine>()

  constructor(seed: string | number) {
    this.seed = seed
    this.random = new SeededRandom(seed)
    this.net = new SimulatedNet(this.scheduler, this.random.fork('net'))
  }

  /** The machine of that name: a disk that outlives its processes, and an address. Made at the first call. */
  machine(name: string): SimulatedMachine {
    let machine = this.#machines.get(name)
    if (!machine) {
      machine = new SimulatedMachine(this, name)
      this.#machines.set(name, machine)
    }
    return machine
  }

  machines(): Iterable<SimulatedMachine> {
    return this.#machines.values()
  }
}

/** A machine runs one process at a time; `boot` gives the new process its World, the old one's stops working. */
export class SimulatedMachine {
  readonly name: string
  readonly disk: SimulatedDisk
  /** Offset of the wall clock. */
  clockSkewMs = 0
  readonly #universe: SimulatedUniverse
  #process: Process | null = null
  #boots = 0

  constructor(universe: SimulatedUniverse, name: string) {
    this.#universe = universe
    this.name = name
    this.disk = new SimulatedDisk(universe.random.fork(`disk/${name}`))
  }

  /** Number of the process that runs or ran last: grows with every boot. */
  get processId(): number {
    return this.#boots
  }

  get isRunning(): boolean {
    return this.#process?.alive === true
  }

  /** Until then the process is stopped; 0 if it is not. */
  get pausedUntilMs(): number {
    return this.#process?.pausedUntilMs ?? 0
  }

  /** Timers, deferred calls and syncs that the running process waits for: for leak checks at rest. */
  get pendingTimers(): number {
    return this.#process?.pending ?? 0
  }

  /** A new process: its World works until it is killed. */
  boot(): World {
    this.kill()
    const process: Process = { alive: true, pausedUntilMs: 0, pending: 0 }
    this.#process = process
    const { scheduler, net } = this.#universe
    const host: Host = { name: this.name, alive: () => process.alive, pausedUntilMs: () => process.pausedUntilMs }
    process.host = host
    const touches = [this.name]
    /** Runs in the life of the process: never after its death, and not while it is paused. */
    const later = (delayMs: number, run: () => void) => {
      let isPending = true
      process.pending++
      const settled = () => {
        if (isPending) process.pending--
        isPending = false
      }
      const attempt = () => {
        if (!process.alive || !isPending) return
        if (scheduler.nowMs < process.pausedUntilMs) {
          scheduler.at(process.pausedUntilMs, attempt, touches)
          return
        }
        settled()
        run()
      }
      const timer = scheduler.after(delayMs, attempt, touches)
      return {
        cancel: () => {
          settled()
          timer.cancel()
        },
      }
    }
    const clock: Clock = {
      now: () => epochMs + Math.floor(scheduler.nowMs + this.clockSkewMs),
      monotonic: () => scheduler.nowMs,
      // A microsecond at least: a remainder of a subtraction of times (1e-13 ms) must not fire again and again at the same moment.
      timer: (delayMs, fire) => later(Math.max(0.001, delayMs), fire),
      defer: run => void later(0, run),
    }
    return {
      clock,
      net: net.open(host),
      disk: this.disk.open(clock.now, host.alive, later),
      random: this.#universe.random.fork(`process/${this.name}/${this.#boots++}`),
      cpu: simulatedCpu,
    }
  }

  /** SIGKILL: the process stops in the middle of whatever it does; the operating system keeps what was written. */
  kill(): void {
    this.#end(false)
  }

  #end(lostPower: boolean): void {
    if (!this.#process) return
    this.#process.alive = false
    if (this.#process.host) this.#universe.net.removeHost(this.#process.host, lostPower)
    this.#process = null
    this.disk.crashProcess()
  }

  /**
   * The process dies in the place of the disk operation after the next `operations`, in the middle of what it does, or, if it does not come so
   * far within `withinMs`, then. `end` is `kill` or `losePower` and what follows it.
   */
  dieAtOperation(operations: number, withinMs: number, end: () => void): void {
    const process = this.#process
    if (!process?.alive) return
    const { scheduler } = this.#universe
    const late = scheduler.after(withinMs, () => {
      if (this.#process === process) end()
    })
    this.disk.dieAfter(operations, () => {
      process.alive = false
      late.cancel()
      scheduler.after(0, () => {
        if (this.#process === process) end()
      })
    })
  }

  /** The power fails: as `kill`, and what was not synced may be lost or torn. */
  losePower(): void {
    this.#end(true)
    this.disk.losePower()
  }

  /** SIGSTOP for a while: timers wait, what arrives waits. */
  pause(forMs: number): void {
    const process = this.#process
    if (process) process.pausedUntilMs = Math.max(process.pausedUntilMs, this.#universe.scheduler.nowMs + forMs)
  }
}

interface Process {
  alive: boolean
  pausedUntilMs: number
  pending: number
  host?: Host
}

/** Off-loop work done at once, so that the trace does not depend on threads. */
const simulatedCpu: Cpu = {
  inflate: async (codec, bytes, maxBytes) =>
    codec === 'gzip'
      ? zlib.gunzipSync(bytes, { maxOutputLength: maxBytes })
      : zlib.zstdDecompressSync(bytes, { maxOutputLength: maxBytes }),
  deflate: async (codec, bytes, level) =>
    codec === 'gzip'
      ? zlib.gzipSync(bytes, level === undefined ? {} : { level })
      : zlib.zstdCompressSync(bytes, level === undefined ? {} : { params: { [zlib.constants.ZSTD_c_compressionLevel]: level } }),
}
