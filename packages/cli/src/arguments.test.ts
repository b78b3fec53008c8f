import { describe, expect, test } from 'vitest'
import { parseCommand, UsageError } from './arguments.ts'

const noVoters = { initialControllers: undefined, noInitialControllers: false }
const noLevels = { releaseVersion: undefined, features: [] }

describe('commands', () => {
  test.each([
    [['start'], { name: 'start', brokers: null, port: null, registryPort: 8081, data: 'millrace-data' }],
    [
      ['start', '--brokers', '3', '--port', '19092'],
      { name: 'start', brokers: 3, port: 19_092, registryPort: 8081, data: 'millrace-data' },
    ],
    [
      ['start', '--brokers', '1', '--port=0', '--data', '/d', '--registry-port', '0'],
      { name: 'start', brokers: 1, port: 0, registryPort: 0, data: '/d' },
    ],
    [['broker', 'f.properties'], { name: 'broker', file: 'f.properties' }],
    [
      ['storage', 'format', '-t', 'ID', '-c', 'FILE', '--standalone', '--ignore-formatted'],
      {
        name: 'storage format',
        clusterId: 'ID',
        file: 'FILE',
        standalone: true,
        ...noVoters,
        ignoreFormatted: true,
        ...noLevels,
      },
    ],
    [
      ['storage', 'format', '--cluster-id', 'ID', '--config', 'FILE'],
      {
        name: 'storage format',
        clusterId: 'ID',
        file: 'FILE',
        standalone: false,
        ...noVoters,
        ignoreFormatted: false,
        ...noLevels,
      },
    ],
    [
      ['storage', 'format', '-t', 'ID', '-c', 'FILE', '-I', '1@h:1:D'],
      {
        name: 'storage format',
        clusterId: 'ID',
        file: 'FILE',
        standalone: false,
        initialControllers: '1@h:1:D',
        noInitialControllers: false,
        ignoreFormatted: false,
        ...noLevels,
      },
    ],
    [
      ['storage', 'format', '-t', 'ID', '-c', 'FILE', '-r', '4.1', '--feature', 'a=1', '-f', 'b=2'],
      {
        name: 'storage format',
        clusterId: 'ID',
        file: 'FILE',
        standalone: false,
        ...noVoters,
        ignoreFormatted: false,
        releaseVersion: '4.1',
        features: ['a=1', 'b=2'],
      },
    ],
    [['storage', 'random-uuid'], { name: 'storage random-uuid' }],
    [['start', '--help'], { name: 'help' }],
    [['storage', '-h'], { name: 'help' }],
    [['--version'], { name: 'version' }],
  ])('%j', (argv, command) => {
    expect(parseCommand(argv)).toEqual(command)
  })
})

describe('what cannot be understood is said in one line', () => {
  test.each([
    [[], 'no command given'],
    [['brew'], 'unknown command "brew"'],
    [['--brew'], 'unknown option --brew'],
    [['start', '--brokers', '0'], '--brokers must be a whole number from 1 to 100, not "0"'],
    [['start', '--brokers', '3', '--port', '65000'], '--port must be a whole number from 0 to 64435, not "65000"'],
    [['start', '--port', 'x'], '--port must be a whole number from 0 to 65535, not "x"'],
    [['start', '--port', '65536'], '--port must be a whole number from 0 to 65535, not "65536"'],
    [['start', '--port', '8081'], 'start: --port and --registry-port are both 8081'],
    [['start', '--data', ''], 'start: --data needs a folder'],
    [['start', '--speed'], "start: unknown option '--speed'"],
    [['start', '--port'], "start: option '--port <value>' argument missing"],
    [['start', 'now'], "start: unexpected argument 'now'"],
    [['broker'], 'broker: the properties file is missing: millrace broker FILE'],
    [['broker', 'a', 'b'], 'broker: one file is enough, and "b" is another'],
    [['storage'], 'storage: format or random-uuid?'],
    [['storage', 'wipe'], 'storage: unknown action "wipe"'],
    [['storage', 'format', '-c', 'f'], 'storage format: -t CLUSTER_ID is missing; millrace storage random-uuid makes one'],
    [['storage', 'format', '-t', 'id'], "storage format: -c FILE is missing, the node's properties"],
  ])('%j', (argv, message) => {
    expect(() => parseCommand(argv)).toThrow(new UsageError(message))
  })
})
