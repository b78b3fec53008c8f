import { parseArgs } from 'node:util'

const maxBrokers = 9

export interface Arguments {
  readonly once: boolean
  /** Flights of the file to use; Infinity: all. */
  readonly flights: number
  readonly port: number
  /** null: as many as the data folder holds, one if it is new. */
  readonly brokers: number | null
  /** Of the first broker; null: as the data folder says, 9092 if it is new. */
  readonly brokerPort: number | null
  readonly registryPort: number
  readonly dataDirectory: string
}

export const usage = `npm start -- [options]

  --once              end after the verification: exit code 0 if every table is right
  --flights N         the first N flights of the file (default: all three million)
  --brokers N         brokers, a process each if there are several; topics have three replicas from three on (default 1, or as before)
  --port P            the page (default 8080; 0: any free port)
  --broker-port P     the first broker, the others behind it (default 9092; 0: any free port)
  --registry-port P   the schema registry (default 8081; 0: any free port)
  --data DIR          where everything durable goes (default .data/flights)`

/** Throws an Error with one clear line. */
export function readArguments(argv: readonly string[]): Arguments | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      once: { type: 'boolean', default: false },
      flights: { type: 'string' },
      brokers: { type: 'string' },
      port: { type: 'string', default: '8080' },
      'broker-port': { type: 'string' },
      'registry-port': { type: 'string', default: '8081' },
      data: { type: 'string', default: '.data/flights' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const { brokers, 'broker-port': brokerPort } = values
  return {
    once: values.once,
    flights: values.flights === undefined ? Infinity : wholeNumber('--flights', values.flights, 1, 3_000_000),
    port: wholeNumber('--port', values.port, 0, 65_535),
    brokers: brokers === undefined ? null : wholeNumber('--brokers', brokers, 1, maxBrokers),
    brokerPort: brokerPort === undefined ? null : wholeNumber('--broker-port', brokerPort, 0, 65_535),
    registryPort: wholeNumber('--registry-port', values['registry-port'], 0, 65_535),
    dataDirectory: values.data,
  }
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new Error(`${option} ${text}: give a whole number from ${min} to ${max}`)
  return value
}
