/**
 * The one family of errors. `code` is a stable upper-case word, `retriable` says whether the same call may succeed later without a change,
 * `hint` says what to do about it.
 */
export class MillraceError extends Error {
  readonly code: string
  readonly retriable: boolean
  readonly hint: string | undefined

  constructor(code: string, message: string, options: { retriable?: boolean; hint?: string; cause?: unknown } = {}) {
    super(options.hint === undefined ? message : `${message} (${options.hint})`, { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.retriable = options.retriable ?? false
    this.hint = options.hint
  }
}

/** A failed call to World's disk. `code` is the operating system's: ENOSPC, EIO, EROFS, EACCES, ENOENT, ELOCKED, … */
export class DiskError extends MillraceError {
  readonly path: string

  constructor(code: string, path: string, cause?: unknown) {
    super(code, `${code}: ${path}`, { cause })
    this.path = path
  }
}

/** A failed call to World's net. `code` is the operating system's: EADDRINUSE, ECONNREFUSED, ETIMEDOUT, … */
export class NetError extends MillraceError {
  constructor(code: string, message: string, cause?: unknown) {
    super(code, message, { retriable: true, cause })
  }
}

/** A value of a configuration key that cannot be used; the message names the key, the value and the allowed range. */
export class ConfigError extends MillraceError {
  constructor(message: string, hint?: string) {
    super('CONFIG', message, hint === undefined ? {} : { hint })
  }
}

/** A broken invariant: a bug of ours. Never caught except by the outermost shell, which ends the process or fails the simulation. */
export class AssertionError extends MillraceError {
  constructor(message: string) {
    super('ASSERTION', message)
  }
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
