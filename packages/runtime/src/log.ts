/** Log lines: one event a line, an event name in the field's words, then its facts. Never a secret, never a record's content. */
export interface Logger {
  info(event: string, facts?: Facts): void
  warn(event: string, facts?: Facts): void
  error(event: string, facts?: Facts): void
}

export type Facts = Readonly<Record<string, string | number | boolean | null | undefined>>

export const silentLogger: Logger = { info: () => {}, warn: () => {}, error: () => {} }

/** Writes lines of `time level event key=value …` through `write`; `now` is the World's wall clock. */
export function textLogger(now: () => number, write: (line: string) => void): Logger {
  const at =
    (level: string) =>
    (event: string, facts: Facts = {}) => {
      let line = `${new Date(now()).toISOString()} ${level} ${event}`
      for (const [key, value] of Object.entries(facts)) if (value !== undefined) line += ` ${key}=${quoted(value)}`
      write(line)
    }
  return { info: at('INFO'), warn: at('WARN'), error: at('ERROR') }
}

function quoted(value: Facts[string]): string {
  const text = String(value)
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}
