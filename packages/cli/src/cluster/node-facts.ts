import { relative } from 'node:path'
import type { ClusterNode } from './cluster-plan.ts'

/** What a user types to run the node alone, in the folder of this process. */
export function startCommandOf({ file }: Pick<ClusterNode, 'file'>): string {
  const near = relative(process.cwd(), file)
  const path = near.startsWith('..') ? file : near
  return `npx millrace broker ${/^[\w./@%+:,-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`}`
}

/** `host:port` at which clients reach the node. */
export function clientAddressOf({ properties }: Pick<ClusterNode, 'properties'>): string {
  const listeners = (properties.get('advertised.listeners') ?? properties.get('listeners') ?? '')
    .split(',')
    .map(text => text.trim())
  const controllers = new Set((properties.get('controller.listener.names') ?? '').split(',').map(text => text.trim()))
  const client = listeners.find(text => !controllers.has(text.split('://')[0]!))
  return client?.split('://')[1] ?? ''
}
