/** Second door of @millrace/cli: for sibling packages and apps only. */

export { type ClusterFolderOptions, clusterIdOf, nodesIn, openClusterFolder } from './cluster/cluster-folder.ts'
export {
  type ClusterNode,
  type ClusterPorts,
  type ClusterShape,
  controllersOf,
  maxBrokers,
  planCluster,
  portsFrom,
  propertiesText,
} from './cluster/cluster-plan.ts'
export { freePorts } from './cluster/free-ports.ts'
export { clientAddressOf, startCommandOf } from './cluster/node-facts.ts'
export { NodeProcess, type NodeProcessOptions } from './cluster/node-process.ts'
