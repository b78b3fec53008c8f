import { ConfigError } from '@millrace/runtime'
import { hashOf } from '../task/origin.ts'
import type { Graph } from './graph.ts'
import type { GraphNode, SinkNode, SourceNode } from './node.ts'
import type { StoreSpec } from './store-spec.ts'

/** What is connected by nodes and stores runs together: one task for each partition. */
export interface Subtopology {
  readonly id: number
  /** Parents before children. */
  readonly nodes: readonly GraphNode[]
  readonly sources: readonly SourceNode[]
  readonly sinks: readonly SinkNode[]
  readonly stores: readonly StoreSpec[]
  /** Groups of source topics that must have equally many partitions. */
  readonly coPartitioned: readonly (readonly string[])[]
}

/** The finished topology. It does not change any more. */
export interface Topology {
  readonly applicationId: string
  readonly subtopologies: readonly Subtopology[]
}

/** Cuts the graph into subtopologies, numbered by their first node. */
export function topologyOf(graph: Graph): Topology {
  if (graph.nodes.length === 0) throw new ConfigError('The topology is empty', 'begin with app.stream(topic) or app.table(topic)')
  const groups = connected(graph.nodes)
  const subtopologies = groups.map((nodes, id): Subtopology => {
    const sources = nodes.filter(node => node.kind === 'source')
    return {
      id,
      nodes,
      sources,
      sinks: nodes.filter(node => node.kind === 'sink'),
      stores: [...new Set(nodes.flatMap(node => node.stores))],
      coPartitioned: nodes.flatMap(node =>
        node.kind === 'processor' && node.coPartitioned.length > 0 ? [topicsAbove(node.coPartitioned)] : [],
      ),
    }
  })
  checkHashes(subtopologies)
  return { applicationId: graph.applicationId, subtopologies }
}

function connected(nodes: readonly GraphNode[]): GraphNode[][] {
  const groupOf = new Map<unknown, Set<GraphNode>>()
  for (const node of nodes) {
    const group = new Set([node])
    groupOf.set(node, group)
    for (const neighbour of [...node.parents, ...node.stores]) {
      const other = groupOf.get(neighbour)
      const mine = groupOf.get(node)!
      if (other === undefined) groupOf.set(neighbour, mine)
      else if (other !== mine) {
        for (const member of mine) other.add(member)
        for (const [key, value] of groupOf) if (value === mine) groupOf.set(key, other)
      }
    }
  }
  const order = new Map(nodes.map((node, index) => [node, index]))
  const groups = [...new Set(nodes.map(node => groupOf.get(node)!))]
  return groups.map(group => [...group].sort((a, b) => order.get(a)! - order.get(b)!))
}

function topicsAbove(nodes: readonly GraphNode[]): string[] {
  const topics = new Set<string>()
  const visit = (node: GraphNode): void => {
    if (node.kind === 'source') topics.add(node.topic)
    for (const parent of node.parents) visit(parent)
  }
  nodes.forEach(visit)
  return [...topics]
}

function checkHashes(subtopologies: readonly Subtopology[]): void {
  const topics = new Map<number, string>()
  for (const { topic } of subtopologies.flatMap(({ sources }) => sources)) {
    const other = topics.get(hashOf(topic))
    if (other !== undefined && other !== topic)
      throw new ConfigError(`Topics ${other} and ${topic} have the same hash`, 'give one of them another name')
    topics.set(hashOf(topic), topic)
  }
}
