import { parseArgs } from 'node:util'
import { maxBrokers, maxFirstPort } from './cluster/cluster-plan.ts'

/** What the command line asks for. */
export type Command =
  | { readonly name: 'help' }
  | { readonly name: 'version' }
  | {
      readonly name: 'start'
      /** null: as many as the folder holds, one if it is new. */
      readonly brokers: number | null
      /** null: what the folder says, 9092 if it is new. */
      readonly port: number | null
      readonly registryPort: number
      readonly data: string
    }
  | { readonly name: 'broker'; readonly file: string }
  | {
      readonly name: 'storage format'
      readonly clusterId: string
      readonly file: string
      readonly standalone: boolean
      /** `id@host:port:directory-id,…`; undefined: not given. */
      readonly initialControllers: string | undefined
      readonly noInitialControllers: boolean
      readonly ignoreFormatted: boolean
      /** undefined: not given. */
      readonly releaseVersion: string | undefined
      /** `name=level` of each. */
      readonly features: readonly string[]
    }
  | { readonly name: 'storage random-uuid' }

/** A command line that asks for nothing that can be done. The message is one line. */
export class UsageError extends Error {}

export const defaults = { port: 9092, registryPort: 8081, data: 'millrace-data' } as const

const help = { help: { type: 'boolean', short: 'h' } } as const

/** Throws a UsageError. */
export function parseCommand(argv: readonly string[]): Command {
  const [name, ...rest] = argv
  switch (name) {
    case undefined:
      throw new UsageError('no command given')
    case '-h':
    case '--help':
    case 'help':
      return { name: 'help' }
    case '-v':
    case '--version':
      return { name: 'version' }
    case 'start':
      return parseStart(rest)
    case 'broker':
      return parseBroker(rest)
    case 'storage':
      return parseStorage(rest)
    default:
      throw new UsageError(name.startsWith('-') ? `unknown option ${name}` : `unknown command "${name}"`)
  }
}

function parseStart(args: string[]): Command {
  const { values } = parsed('start', () =>
    parseArgs({
      args,
      options: {
        ...help,
        brokers: { type: 'string' },
        port: { type: 'string' },
        data: { type: 'string', default: defaults.data },
        'registry-port': { type: 'string', default: String(defaults.registryPort) },
      },
    }),
  )
  if (values.help) return { name: 'help' }
  const brokers = values.brokers === undefined ? null : integerOf('--brokers', values.brokers, 1, maxBrokers)
  if (values.data === '') throw new UsageError('start: --data needs a folder')
  const highestPort = (brokers ?? 1) > 1 ? maxFirstPort : 65_535
  const port = values.port === undefined ? null : integerOf('--port', values.port, 0, highestPort)
  const registryPort = integerOf('--registry-port', values['registry-port'], 0, 65_535)
  if (port !== 0 && (port ?? defaults.port) === registryPort)
    throw new UsageError(`start: --port and --registry-port are both ${registryPort}`)
  return { name: 'start', brokers, port, registryPort, data: values.data }
}

function parseBroker(args: string[]): Command {
  const { values, positionals } = parsed('broker', () => parseArgs({ args, options: help, allowPositionals: true }))
  if (values.help) return { name: 'help' }
  const [file, extra] = positionals
  if (file === undefined) throw new UsageError('broker: the properties file is missing: millrace broker FILE')
  if (extra !== undefined) throw new UsageError(`broker: one file is enough, and "${extra}" is another`)
  return { name: 'broker', file }
}

function parseStorage([action, ...args]: string[]): Command {
  if (action === '-h' || action === '--help') return { name: 'help' }
  if (action !== 'format' && action !== 'random-uuid')
    throw new UsageError(action === undefined ? 'storage: format or random-uuid?' : `storage: unknown action "${action}"`)
  if (action === 'random-uuid') {
    const { values } = parsed('storage random-uuid', () => parseArgs({ args, options: help }))
    return { name: values.help ? 'help' : 'storage random-uuid' }
  }
  const { values } = parsed('storage format', () =>
    parseArgs({
      args,
      options: {
        ...help,
        'cluster-id': { type: 'string', short: 't' },
        config: { type: 'string', short: 'c' },
        standalone: { type: 'boolean', short: 's', default: false },
        'initial-controllers': { type: 'string', short: 'I' },
        'no-initial-controllers': { type: 'boolean', short: 'N', default: false },
        'release-version': { type: 'string', short: 'r' },
        feature: { type: 'string', short: 'f', multiple: true, default: [] },
        'ignore-formatted': { type: 'boolean', short: 'g', default: false },
      },
    }),
  )
  if (values.help) return { name: 'help' }
  const { 'cluster-id': clusterId, config: file } = values
  if (clusterId === undefined)
    throw new UsageError('storage format: -t CLUSTER_ID is missing; millrace storage random-uuid makes one')
  if (file === undefined) throw new UsageError("storage format: -c FILE is missing, the node's properties")
  return {
    name: 'storage format',
    clusterId,
    file,
    standalone: values.standalone,
    initialControllers: values['initial-controllers'],
    noInitialControllers: values['no-initial-controllers'],
    ignoreFormatted: values['ignore-formatted'],
    releaseVersion: values['release-version'],
    features: values.feature,
  }
}

function parsed<T>(command: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    // Node's advice on how to spell positionals that look like options is of no use here.
    const [sentence] = (error as Error).message.split(/\. |\n/)
    throw new UsageError(`${command}: ${sentence!.charAt(0).toLowerCase()}${sentence!.slice(1)}`)
  }
}

function integerOf(option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new UsageError(`${option} must be a whole number from ${min} to ${max}, not "${text}"`)
}
