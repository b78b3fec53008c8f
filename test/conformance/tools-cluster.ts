import { onTestFinished } from 'vitest'
import { type Maker, ProcessCluster, type ProcessClusterOptions } from './cluster-harness.ts'
import { KafkaTools } from './tools-harness.ts'

export interface ToolsCluster {
  readonly cluster: ProcessCluster
  readonly tools: KafkaTools
}

/** Nodes of one maker that run, and Apache Kafka's tools to look at them. Call it in a test: both are gone after it. */
export async function startToolsCluster(maker: Maker, options: ProcessClusterOptions): Promise<ToolsCluster> {
  const cluster = await ProcessCluster.make(options)
  onTestFinished(() => cluster.close())
  await cluster.startAll(maker)
  const tools = new KafkaTools()
  onTestFinished(() => tools.close())
  return { cluster, tools }
}
