import { MillraceError, messageOf } from '@millrace/runtime'
import { type Command, parseCommand, UsageError } from './arguments.ts'
import { help } from './help.ts'
import { version } from './version.ts'

/** Runs a command line (without node and script) and resolves with the exit code when it is done. Results go to stdout, all else to stderr. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    await run(parseCommand(argv))
    return 0
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`millrace: ${error.message} (see millrace --help)\n`)
      return 2
    }
    if (error instanceof MillraceError) process.stderr.write(`millrace: ${oneLine(error.message)}\n`)
    else process.stderr.write(`millrace: ${error instanceof Error ? error.stack : messageOf(error)}\n`)
    return 1
  }
}

/** Commands are loaded when they are called: printing a version does not wait for a broker's code. */
async function run(command: Command): Promise<void> {
  switch (command.name) {
    case 'help':
      process.stdout.write(help)
      return
    case 'version':
      process.stdout.write(`${version()}\n`)
      return
    case 'start':
      return (await import('./commands/start.ts')).start(command)
    case 'broker':
      return (await import('./commands/broker.ts')).broker(command)
    case 'storage format':
      return (await import('./commands/storage.ts')).format(command)
    case 'storage random-uuid':
      return (await import('./commands/storage.ts')).randomUuid()
  }
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}
