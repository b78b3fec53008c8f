import type { GraphNode } from './node.ts'
import type { Topology } from './topology.ts'

/** The topology as text, in the format of Kafka Streams' `Topology.describe().toString()`: the web's visualisers read it. */
export function describeTopology({ subtopologies }: Topology): string {
  let text = 'Topologies:\n'
  for (const { id, nodes } of subtopologies) {
    text += `   Sub-topology: ${id}\n`
    for (const node of nodes) text += describeNode(node, nodes)
    text += '\n'
  }
  return text
}

function describeNode(node: GraphNode, nodes: readonly GraphNode[]): string {
  const children = nodes.filter(other => other.parents.includes(node)).map(({ name }) => name)
  const parents = node.parents.map(({ name }) => name)
  const below = `      --> ${children.length > 0 ? children.join(', ') : 'none'}\n`
  const above = `      <-- ${parents.length > 0 ? parents.join(', ') : 'none'}\n`
  switch (node.kind) {
    case 'source':
      return `    Source: ${node.name} (topics: [${node.topic}])\n${below}`
    case 'processor':
      return `    Processor: ${node.name} (stores: [${node.stores.map(({ name }) => name).join(', ')}])\n${below}${above}`
    case 'sink':
      return `    Sink: ${node.name} (topic: ${node.topic})\n${above}`
  }
}
