import { afterEach, expect, test } from 'vitest'
import { ProcessCluster } from './cluster-harness.ts'
import { kafkaScript } from './kafka-peer.ts'
import { type Finished, run } from './process-harness.ts'

let cluster: ProcessCluster
afterEach(() => cluster?.close())

function configs(server: string, args: string, status = 0): Promise<Finished> {
  const of = ['--entity-type', 'broker-loggers', '--entity-name', '1']
  return run(kafkaScript(), ['configs', ...server.split(' '), ...of, ...args.split(' ')], { status })
}

test('Apache Kafka’s tool tells and changes the levels of a node’s loggers, at a broker and at a controller', async () => {
  cluster = await ProcessCluster.make({
    nodes: 1,
    properties: { 'default.replication.factor': '1', 'offsets.topic.replication.factor': '1', 'min.insync.replicas': '1' },
  })
  await cluster.startAll('millrace')
  const atBroker = `--bootstrap-server ${cluster.bootstrapServers}`
  const atController = `--bootstrap-controller ${cluster.node(1).controller}`
  const changeFeatures = async (change: string) => {
    await run(kafkaScript(), ['features', ...atBroker.split(' '), ...change.split(' ')])
  }
  const changes = () => cluster.output(1).split('controller.features-changed').length - 1

  expect((await configs(atBroker, '--describe')).stdout).toMatch(/\bcontroller=INFO.*\broot=INFO/s)
  await changeFeatures('downgrade --feature share.version=0')
  expect(changes()).toBe(1)
  await configs(atBroker, '--alter --add-config controller=ERROR')
  await changeFeatures('upgrade --feature share.version=1')
  expect(changes()).toBe(1)
  expect((await configs(atController, '--describe')).stdout).toMatch(/\bcontroller=ERROR/)
  await configs(atController, '--alter --delete-config controller')
  expect((await configs(atBroker, '--describe')).stdout).toMatch(/\bcontroller=INFO/)
  await changeFeatures('downgrade --feature share.version=0')
  expect(changes()).toBe(2)

  const refused = await configs(atBroker, '--alter --add-config controller=LOUD', 1)
  expect(refused.stdout + refused.stderr).toContain('Valid log levels are')
})
