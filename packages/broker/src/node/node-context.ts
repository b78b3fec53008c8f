import type { NodeServices } from '../services.ts'
import type { Storage } from '../storage/open-storage.ts'

/** What every part of a node is made from. */
export interface NodeContext extends NodeServices {
  readonly storage: Storage
}
