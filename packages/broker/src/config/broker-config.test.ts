import { ConfigError, type Facts, type Logger } from '@millrace/runtime'
import { describe, expect, test } from 'vitest'
import { brokerKeys, readBrokerConfig } from './broker-config.ts'
import { readListeners } from './listeners.ts'
import { readQuorum } from './quorum.ts'

const oneNode = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  listeners: 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093',
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT, CONTROLLER:PLAINTEXT',
  'controller.quorum.bootstrap.servers': '127.0.0.1:9093',
}

function read(properties: Record<string, string | undefined>) {
  const warnings: (Facts & { event: string })[] = []
  const logger: Logger = { info: () => {}, error: () => {}, warn: (event, facts) => warnings.push({ event, ...facts }) }
  const given = Object.entries({ ...oneNode, ...properties }).filter(([, value]) => value !== undefined)
  return { config: readBrokerConfig(new Map(given as [string, string][]), logger), warnings }
}

test('a server.properties as Apache Kafka takes it is read without a word', () => {
  const { config, warnings } = read({ 'log.dirs': '/a,/b', 'offsets.topic.replication.factor': '1' })
  expect(warnings).toEqual([])
  expect(config.get(brokerKeys.logDirs)).toEqual(['/a', '/b'])
  expect(config.get(brokerKeys.socketRequestMaxBytes)).toBe(104_857_600)
})

test('an unknown key and a key without effect yet are a warning each', () => {
  expect(read({ 'num.network.threads': '3', 'no.such.key': 'x' }).warnings).toEqual([
    { event: 'config.without-effect-yet', key: 'num.network.threads' },
    { event: 'config.unknown', key: 'no.such.key' },
  ])
})

test('log.dir stands in for log.dirs, broker.id for node.id', () => {
  const { config } = read({ 'log.dir': '/one', 'node.id': undefined, 'broker.id': '7' })
  expect([config.get(brokerKeys.logDirs), config.get(brokerKeys.nodeId)]).toEqual([['/one'], 7])
})

describe('a listener', () => {
  test('is advertised as it is bound, or as advertised.listeners says', () => {
    const { config } = read({
      listeners: 'PLAINTEXT://:9092,INSIDE://[::1]:9094,CONTROLLER://10.0.0.1:9093',
      'advertised.listeners': 'INSIDE://inside.example:19094',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT',
    })
    expect(readListeners(config)).toEqual([
      {
        name: 'PLAINTEXT',
        host: '',
        port: 9092,
        advertised: { host: 'localhost', port: 9092 },
        securityProtocol: 0,
        isController: false,
      },
      {
        name: 'INSIDE',
        host: '::1',
        port: 9094,
        advertised: { host: 'inside.example', port: 19_094 },
        securityProtocol: 0,
        isController: false,
      },
      {
        name: 'CONTROLLER',
        host: '10.0.0.1',
        port: 9093,
        advertised: { host: '10.0.0.1', port: 9093 },
        securityProtocol: 0,
        isController: true,
      },
    ])
  })

  test('of the controller may be advertised too, as in the file that Apache Kafka ships', () => {
    const { config } = read({ 'advertised.listeners': 'PLAINTEXT://a.example:9092,CONTROLLER://b.example:9093' })
    expect(readListeners(config).map(({ advertised }) => advertised)).toEqual([
      { host: 'a.example', port: 9092 },
      { host: 'b.example', port: 9093 },
    ])
  })

  test.each([
    ['without a port', { listeners: 'PLAINTEXT://127.0.0.1,CONTROLLER://:9093' }, /listeners: must be name:\/\/host:port/],
    ['with a port above 65535', { listeners: 'PLAINTEXT://:99999,CONTROLLER://:9093' }, /must be name:\/\/host:port/],
    ['with a port of another', { listeners: 'PLAINTEXT://:9092,CONTROLLER://:9092' }, /the port 9092 appears twice/],
    [
      'with a name of another',
      { listeners: 'PLAINTEXT://:9092,PLAINTEXT://:9094,CONTROLLER://:9093' },
      /PLAINTEXT appears twice/,
    ],
    ['for controllers alone', { listeners: 'CONTROLLER://:9093' }, /controller listeners alone/],
    ['for clients alone', { listeners: 'PLAINTEXT://:9092' }, /none of controller.listener.names/],
    ['without a protocol', { listeners: 'X://:9092,CONTROLLER://:9093' }, /No security protocol is given for the listener X/],
    [
      'with a protocol that is not served',
      { listeners: 'SSL://:9092,CONTROLLER://:9093', 'listener.security.protocol.map': 'SSL:SSL,CONTROLLER:PLAINTEXT' },
      /asks for SSL/,
    ],
    ['advertised and not bound', { 'advertised.listeners': 'OTHER://h:1' }, /names OTHER, which listeners does not/],
    ['advertised as every address', { 'advertised.listeners': 'PLAINTEXT://0.0.0.0:9092' }, /an address that clients can reach/],
    ['among brokers that is not there', { 'inter.broker.listener.name': 'INSIDE' }, /The listener among brokers, INSIDE/],
  ])('%s is an error', (_, properties, message) => {
    expect(() => read(properties)).toThrow(ConfigError)
    expect(() => read(properties)).toThrow(message)
  })
})

describe('the quorum', () => {
  test('is that of the metadata log, or the static voters', () => {
    expect(readQuorum(read({}).config)).toEqual({ voters: [], bootstrapServers: [{ host: '127.0.0.1', port: 9093 }] })
    const { config } = read({
      'controller.quorum.bootstrap.servers': undefined,
      'controller.quorum.voters': '1@localhost:9093,2@[::1]:9094',
    })
    const voters = [
      { id: 1, host: 'localhost', port: 9093 },
      { id: 2, host: '::1', port: 9094 },
    ]
    expect(readQuorum(config)).toEqual({ voters, bootstrapServers: [] })
  })

  test.each([
    ['nobody', { 'controller.quorum.bootstrap.servers': undefined }, /must be given/],
    ['others', { 'controller.quorum.voters': '2@h:9093' }, /does not name this node/],
    ['a voter twice', { 'controller.quorum.voters': '1@h:1,1@h:2' }, /names node 1 twice/],
    ['what is no voter', { 'controller.quorum.voters': 'h:9093' }, /must be id@host:port/],
    ['a server without a port', { 'controller.quorum.bootstrap.servers': 'h' }, /must be host:port/],
  ])('of %s is an error', (_, properties, message) => {
    expect(() => read(properties)).toThrow(message)
  })
})

describe('a node', () => {
  const broker = { 'process.roles': 'broker', listeners: 'PLAINTEXT://:9092' }
  const controller = { 'process.roles': 'controller', listeners: 'CONTROLLER://:9093' }

  test('may be a broker alone, or a controller alone', () => {
    expect(readListeners(read(broker).config)).toMatchObject([{ name: 'PLAINTEXT', isController: false }])
    expect(readListeners(read(controller).config)).toMatchObject([{ name: 'CONTROLLER', isController: true }])
    expect(read({ ...controller, 'listener.security.protocol.map': undefined }).warnings).toEqual([])
  })

  test.each([
    ['without a role', { 'process.roles': '' }, /process.roles/],
    ['with a role twice', { 'process.roles': 'broker,broker' }, /names a role twice/],
    ['with another role', { 'process.roles': 'zookeeper' }, /process.roles/],
    [
      'that is a broker with a controller listener',
      { 'process.roles': 'broker' },
      /names CONTROLLER of controller.listener.names/,
    ],
    ['that is a controller with a client listener', { 'process.roles': 'controller' }, /names PLAINTEXT, which is none of/],
    ['that is a broker among the voters', { ...broker, 'controller.quorum.voters': '1@h:1' }, /is a broker alone: node.id is 1/],
    ['without the name of the controllers', { ...broker, 'controller.listener.names': '' }, /controller.listener.names is empty/],
    [
      'that does not know how controllers speak',
      { ...broker, 'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT' },
      /No security protocol is given for the listener CONTROLLER/,
    ],
  ])('%s is an error', (_, properties, message) => {
    expect(() => read(properties)).toThrow(message)
  })
})

test.each([
  [{ 'num.partitions': '0' }, 'Invalid value 0 for configuration num.partitions: must be at least 1'],
  [{ 'log.segment.bytes': '1k' }, 'Invalid value 1k for configuration log.segment.bytes: must be a number of type int'],
  [{ 'compression.gzip.level': '0' }, 'Invalid value 0 for configuration compression.gzip.level: must be 1 to 9, or -1'],
  [{ 'node.id': undefined }, 'Missing required configuration node.id'],
])('%j is an error that says the range', (properties, message) => {
  expect(() => read(properties)).toThrow(message)
})
