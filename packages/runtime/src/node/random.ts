import { randomBytes, randomInt } from 'node:crypto'
import type { Random } from '../world.ts'

export const nodeRandom: Random = {
  below: bound => randomInt(bound),
  float: () => Math.random(),
  bytes: length => randomBytes(length),
}
