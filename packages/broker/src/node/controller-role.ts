import { controllerTable } from '../api/controller-table.ts'
import { ApiDispatcher } from '../api/dispatcher.ts'
import type { ClusterControllerClient } from '../channel/controller-client.ts'
import type { QuorumMember } from '../controller/quorum-member.ts'
import type { ShutdownSteps } from '../shutdown-steps.ts'
import { ControllerRegistrar } from './controller-registrar.ts'
import type { LostBrokers } from './lost-brokers.ts'
import type { NodeContext } from './node-context.ts'
import type { NodeListeners } from './node-listeners.ts'

export interface ControllerRoleOptions {
  readonly node: NodeContext
  readonly listeners: NodeListeners
  readonly quorum: QuorumMember
  readonly controller: ClusterControllerClient
  readonly lostBrokers: LostBrokers
  readonly shutdown: ShutdownSteps
}

/** The part of a node that has the role controller: answers the quorum and the brokers, and registers. */
export function startControllerRole({ node, listeners, quorum, controller, lostBrokers, shutdown }: ControllerRoleOptions): void {
  const { metadata } = quorum
  listeners.controllerServer.serve(new ApiDispatcher(controllerTable(), { ...node, metadata, quorum, lostBrokers }))
  const registrar = new ControllerRegistrar({ ...node, controller, listeners: listeners.controller })
  registrar.start()
  shutdown.add('controller registration', () => registrar.close())
  shutdown.add('lost brokers', () => lostBrokers.close())
}
