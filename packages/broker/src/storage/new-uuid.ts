import { uuidOf } from '@millrace/protocol'
import type { World } from '@millrace/runtime'

/** A random uuid that is none of the hundred lowest, which Kafka keeps for meanings of their own. */
export function newUuid(world: Pick<World, 'random'>): string {
  for (;;) {
    const bytes = Uint8Array.from(world.random.bytes(16))
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const text = uuidOf(bytes)
    // Kafka's own tools cannot take a text as an option's value that begins with a dash.
    if (!text.startsWith('-')) return text
  }
}
