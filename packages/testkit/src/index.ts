/** Door of @millrace/testkit. */

export { type CommitOperation, History, type Operation, type PolledRecord, type SendOperation } from './check/history.ts'
export { type Anomaly, type AnomalyKind, type CheckOptions, checkHistory } from './check/history-checker.ts'
export { type Cluster, type ClusterOptions, startCluster } from './cluster.ts'
export type { ClusterOptions as SimulatedClusterOptions } from './simulation/cluster-options.ts'
export { type Draw, drawOptions, type FaultKind, faultKinds, type SimulationOptions } from './simulation/options.ts'
export { type SimulationResult, simulate } from './simulation/run.ts'
export { type DiskFaults, SimulatedDisk } from './world/disk.ts'
export { type NetFaults, SimulatedNet } from './world/net.ts'
export { SeededRandom } from './world/random.ts'
export { Scheduler } from './world/scheduler.ts'
export { SimulatedMachine, SimulatedUniverse } from './world/world.ts'
