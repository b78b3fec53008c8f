import { type Logger, textLogger, type World } from '@millrace/runtime'

/** Log lines on stderr, in the one format that all of Millrace writes. */
export function stderrLogger({ clock }: World): Logger {
  return textLogger(
    () => clock.now(),
    line => process.stderr.write(`${line}\n`),
  )
}

/** A line of result on stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
