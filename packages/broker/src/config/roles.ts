import { ConfigError, type ConfigSet } from '@millrace/runtime'
import { nodeKeys } from './node-keys.ts'

/** What this process is: at least one of the two. */
export interface Roles {
  readonly isBroker: boolean
  readonly isController: boolean
}

/** `process.roles`. Throws a ConfigError. */
export function readRoles(config: ConfigSet): Roles {
  const roles = config.get(nodeKeys.processRoles)!
  if (roles.length === 0)
    throw new ConfigError('process.roles is empty', 'set it to broker, controller, or both: broker,controller')
  if (new Set(roles).size < roles.length) throw new ConfigError(`process.roles is ${roles.join(',')}, which names a role twice`)
  return { isBroker: roles.includes('broker'), isController: roles.includes('controller') }
}
