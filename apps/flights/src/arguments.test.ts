import { describe, expect, it } from 'vitest'
import { readArguments } from './arguments.ts'

describe('arguments', () => {
  it('have defaults', () => {
    expect(readArguments([])).toEqual({
      once: false,
      flights: Infinity,
      port: 8080,
      brokers: null,
      brokerPort: null,
      registryPort: 8081,
      dataDirectory: '.data/flights',
    })
  })

  it('are taken as given', () => {
    const given = [
      '--once',
      '--brokers',
      '3',
      '--flights',
      '1000',
      '--port=0',
      '--broker-port',
      '65535',
      '--registry-port',
      '1',
      '--data',
      'x',
    ]
    expect(readArguments(given)).toEqual({
      once: true,
      flights: 1000,
      port: 0,
      brokers: 3,
      brokerPort: 65_535,
      registryPort: 1,
      dataDirectory: 'x',
    })
  })

  it('may ask for help', () => {
    expect(readArguments(['--help', '--port', '1'])).toBe('help')
  })

  it.each([
    [['--flights', 'nonsense'], '--flights nonsense: give a whole number from 1 to 3000000'],
    [['--flights', '0'], '--flights 0:'],
    [['--flights', '3000001'], '--flights 3000001:'],
    [['--flights', '1e3'], '--flights 1e3:'],
    [['--flights', ''], '--flights :'],
    [['--port', '65536'], '--port 65536: give a whole number from 0 to 65535'],
    [['--port=-1'], '--port -1:'],
    [['--broker-port', '1.5'], '--broker-port 1.5:'],
    [['--brokers', '10'], '--brokers 10: give a whole number from 1 to 9'],
    [['--registry-port', 'x'], '--registry-port x:'],
    [['--data'], '--data'],
    [['--unknown'], '--unknown'],
    [['extra'], 'extra'],
  ])('%j are refused with one line', (args, line) => {
    expect(() => readArguments(args)).toThrow(line)
  })
})
