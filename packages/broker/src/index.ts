/** Door of @millrace/broker: what users import. */
export { type Broker, type BrokerOptions, startBroker } from './broker.ts'
export { parseFeatureLevels } from './controller/initial-levels.ts'
export type { Endpoint } from './server.ts'
export { type NodeOptions, startNode } from './start-node.ts'
export { type FormatOptions, formatStorage } from './storage/format-storage.ts'
export { type InitialController, parseInitialControllers } from './storage/initial-voters.ts'
