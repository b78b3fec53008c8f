/**
 * World: the only door from engine code to anything that is not deterministic.
 *
 * Two implementations exist: Node's (`nodeWorld()`, in `node/`) and the simulated one (`@millrace/testkit`).
 * Engine code receives a World and never touches `Date`, timers, `node:fs`, `node:net`, `crypto.random*` and the like.
 * A test (`test/tidy.test.ts`) reads the sources and says so.
 */
export interface World {
  readonly clock: Clock
  readonly net: Net
  readonly disk: Disk
  readonly random: Random
  readonly cpu: Cpu
}

export interface Clock {
  /** Wall clock, whole milliseconds since the epoch. May step in either direction. */
  now(): number
  /** Milliseconds with fraction from an arbitrary origin. Never goes back. Use for every duration and deadline. */
  monotonic(): number
  /** Calls `fire` once, not before `delayMs` from now; zero still yields to other work. Fires in order of due time, then of creation. */
  timer(delayMs: number, fire: () => void): Timer
  /** Calls `run` after the input that is already waiting has been delivered (Node: `setImmediate`). The batching point of the hot path. */
  defer(run: () => void): void
}

export interface Timer {
  cancel(): void
}

/** Byte streams. TCP semantics: ordered, no duplicates, may be cut at any byte. */
export interface Net {
  /** Rejects with NetError EADDRINUSE, EACCES or EADDRNOTAVAIL. Port 0 picks a free one. */
  listen(options: ListenOptions, accept: (socket: Socket) => void): Promise<Listener>
  /** Rejects with NetError ECONNREFUSED, ETIMEDOUT, ENOTFOUND or ECONNRESET. */
  connect(options: ConnectOptions): Promise<Socket>
}

export interface ListenOptions {
  readonly host: string
  readonly port: number
}

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
}

export interface Listener {
  readonly host: string
  readonly port: number
  /** Stops accepting. Open sockets stay. */
  close(): Promise<void>
}

export interface SocketEvents {
  /** A chunk arrived. The receiver owns the bytes from here on: they are not reused by the World. */
  data(bytes: Buffer): void
  /** What was written has left the process; writing may go on after `write` had said false. */
  drain(): void
  /** The last event. `error` is absent after an orderly end by either side. */
  close(error?: Error): void
}

export interface Socket {
  readonly remoteHost: string
  readonly remotePort: number
  readonly localPort: number
  /** Bytes handed to `write` that have not left the process. */
  readonly bufferedBytes: number
  /** Installs the receiver. Call it in the same tick as the socket is obtained; no event comes before. */
  receive(events: SocketEvents): void
  /**
   * Writes the chunks in order, without joining them (writev). The chunks must not change until they have left (`bufferedBytes` is 0).
   * Says false when more than a high-water mark is buffered: stop until `drain`. Ignored after close.
   */
  write(chunks: readonly Uint8Array[]): boolean
  /** Stops and resumes reading: back-pressure reaches the peer through TCP. */
  pause(): void
  resume(): void
  /** Ends after what is buffered has left. */
  end(): void
  /** Closes at once; what is buffered is lost. */
  destroy(): void
}

/**
 * Files. Calls that the operating system serves from its cache are synchronous, as they are cheaper than a thread hop;
 * what waits for the device (`sync`) is asynchronous. Paths are absolute or relative to the process; `/` separates.
 * Every failure throws a DiskError.
 */
export interface Disk {
  /** `read` needs the file; `write` opens for reading and writing and creates it. */
  open(path: string, mode: 'read' | 'write'): File
  exists(path: string): boolean
  stat(path: string): FileStat
  /** Names in the directory, sorted. */
  list(directory: string): string[]
  /** With its parents; nothing happens if it is there. */
  makeDirectory(directory: string): void
  readFile(path: string): Buffer
  rename(from: string, to: string): void
  /** Nothing happens if it is not there. */
  remove(path: string): void
  /** The directory with all that is in it; nothing happens if it is not there. */
  removeDirectory(directory: string): void
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(directory: string): void
  /** Of the volume that holds the directory: its size, and what this process may still write. Absent: the disk does not tell. */
  space?(directory: string): { readonly totalBytes: number; readonly freeBytes: number }
  /** Takes the file as a lock for this process until it ends; throws DiskError ELOCKED if another one that lives has it. */
  lock(path: string): Lock
}

export interface FileStat {
  readonly sizeBytes: number
  readonly modifiedMs: number
  readonly isDirectory: boolean
}

export interface Lock {
  release(): void
}

export interface File {
  readonly path: string
  /** Bytes in the file. */
  readonly sizeBytes: number
  /** Writes all chunks one after the other from `position`, into the operating system's cache: not durable before `sync`. All or a DiskError. */
  write(chunks: readonly Uint8Array[], position: number): void
  /** Fills `into` from `position`; fewer bytes only at the end of the file. Returns the number of bytes read. */
  read(into: Uint8Array, position: number): number
  truncate(sizeBytes: number): void
  /** fdatasync. A failure is final: the file's state is unknown, never retry. */
  sync(): Promise<void>
  /** The same, blocking: for shutdown, checkpoints and the quorum's state. */
  syncNow(): void
  close(): void
}

export interface Random {
  /** Uniform in 0 ≤ n < bound; bound ≤ 2^32. */
  below(bound: number): number
  /** Uniform in 0 ≤ x < 1. */
  float(): number
  bytes(length: number): Uint8Array
}

/** CPU work that is too long for the loop: Node runs it on its thread pool, the simulator at once. */
export interface Cpu {
  /** Throws (rejects) a RangeError when the output would exceed `maxBytes`. */
  inflate(codec: 'gzip' | 'zstd', bytes: Uint8Array, maxBytes: number): Promise<Uint8Array>
  deflate(codec: 'gzip' | 'zstd', bytes: Uint8Array, level?: number): Promise<Uint8Array>
}

/** Sleeps on the World's clock. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise(resolve => clock.timer(delayMs, resolve))
}
