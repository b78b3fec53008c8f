import { ErrorCode } from '@millrace/protocol'
import type { Facts, Logger } from '@millrace/runtime'
import { Refusal } from './controller/decision.ts'

/** Least severe first. This version writes lines of INFO, WARN and ERROR. */
const levels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
type Level = (typeof levels)[number]

const root = 'root'
const initialLevel: Level = 'INFO'

/** What stands before the dot of an event's name. */
export const loggerNames: readonly string[] =
  'broker config connection controller directories group http init-producer-id isr log log-directory metadata metadata-log node partition produce raft replica request topic'.split(
    ' ',
  )

/** A change of one logger's level as IncrementalAlterConfigs has it. */
export interface LevelChange {
  readonly name: string
  /** 0 set, 1 delete. */
  readonly configOperation: number
  readonly value: string | null
}

/** The level of each part's log lines on this node, set while it runs and forgotten when it ends, as Kafka's broker-loggers are (KIP-412). `root` stands for all that have none of their own. */
export class LoggerLevels {
  /** Writes to the given logger what is severe enough. */
  readonly logger: Logger
  readonly #levels = new Map<string, Level>([[root, initialLevel]])

  constructor(inner: Logger) {
    const at = (level: Level, write: (event: string, facts?: Facts) => void) => (event: string, facts?: Facts) => {
      if (levels.indexOf(level) >= levels.indexOf(this.#levelOf(event.slice(0, event.indexOf('.'))))) write(event, facts)
    }
    this.logger = {
      info: at('INFO', (event, facts) => inner.info(event, facts)),
      warn: at('WARN', (event, facts) => inner.warn(event, facts)),
      error: at('ERROR', (event, facts) => inner.error(event, facts)),
    }
  }

  /** Every logger with the level that it has or takes from `root`. */
  all(): { readonly name: string; readonly level: string }[] {
    return [root, ...loggerNames].map(name => ({ name, level: this.#levelOf(name) }))
  }

  /** All of them or none. Throws a Refusal with Kafka's error: INVALID_CONFIG, INVALID_REQUEST. */
  change(changes: readonly LevelChange[], validateOnly: boolean): void {
    for (const change of changes) check(change)
    if (validateOnly) return
    for (const { name, configOperation, value } of changes) {
      if (configOperation === 1) this.#levels.delete(name)
      else this.#levels.set(name, value as Level)
    }
  }

  #levelOf(name: string): Level {
    return this.#levels.get(name) ?? this.#levels.get(root)!
  }
}

function check({ name, configOperation, value }: LevelChange): void {
  if (configOperation !== 0 && configOperation !== 1)
    throw new Refusal(
      ErrorCode.INVALID_REQUEST,
      `${configOperation === 2 ? 'APPEND' : 'SUBTRACT'} operation is not allowed for the BROKER_LOGGER resource`,
    )
  if (name !== root && !loggerNames.includes(name)) throw new Refusal(ErrorCode.INVALID_CONFIG, `Logger ${name} does not exist!`)
  if (configOperation === 1 && name === root)
    throw new Refusal(ErrorCode.INVALID_REQUEST, `Removing the log level of the ${root} logger is not allowed`)
  if (configOperation === 0 && !levels.includes(value as Level))
    throw new Refusal(
      ErrorCode.INVALID_CONFIG,
      `Cannot set the log level of ${name} to ${value} as it is not a supported log level. Valid log levels are ${levels.join(', ')}`,
    )
}
