import { ConfigError } from '@millrace/runtime'

/** A stretch of event time: `start` belongs to it, `end` does not. Milliseconds. */
export interface Window {
  readonly start: number
  readonly end: number
}

/** The key of a windowed aggregate. */
export interface Windowed<K> {
  readonly key: K
  readonly window: Window
}

export interface TumblingWindows {
  readonly kind: 'tumbling'
  readonly sizeMs: number
  readonly graceMs: number
}

/**
 * Windows of one size side by side, aligned to the epoch. A record is late for its window, and dropped, once the window's end is not
 * after stream time less `grace` (default 0).
 */
export function tumbling(sizeMs: number, options: { grace?: number } = {}): TumblingWindows {
  const graceMs = options.grace ?? 0
  if (!Number.isSafeInteger(sizeMs) || sizeMs <= 0)
    throw new ConfigError(`A window of ${sizeMs} ms`, 'the size is a whole number of milliseconds above 0')
  if (!Number.isSafeInteger(graceMs) || graceMs < 0)
    throw new ConfigError(`A grace of ${graceMs} ms`, 'a whole number of milliseconds, at least 0')
  return { kind: 'tumbling', sizeMs, graceMs }
}
