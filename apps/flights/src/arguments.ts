import { parseArgs } from 'node:util'

export interface Arguments {
  readonly once: boolean
  /** Flights of the file to use; Infinity: all. */
  readonly flights: number
  readonly port: number
  readonly brokerPort: number
  readonly registryPort: number
  readonly dataDirectory: string
}

export const usage = `npm start -- [options]

  --once              end after the verification: exit code 0 if every table is right
  --flights N         the first N flights of the file (default: all three million)
  --port P            the page (default 8080; 0: any free port)
  --broker-port P     the broker (default 9092; 0: any free port)
  --registry-port P   the schema registry (default 8081; 0: any free port)
  --data DIR          where everything durable goes (default .data/flights)`

/** Throws an Error with one clear line. */
export function readArguments(argv: readonly string[]): Arguments | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      once: { type: 'boolean', default: false },
      flights: { type: 'string' },
      port: { type: 'string', default: '8080' },
      'broker-port': { type: 'string', default: '9092' },
      'registry-port': { type: 'string', default: '8081' },
      data: { type: 'string', default: '.data/flights' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  return {
    once: values.once,
    flights: values.flights === undefined ? Infinity : wholeNumber('--flights', values.flights, 1, 3_000_000),
    port: wholeNumber('--port', values.port, 0, 65_535),
    brokerPort: wholeNumber('--broker-port', values['broker-port'], 0, 65_535),
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
