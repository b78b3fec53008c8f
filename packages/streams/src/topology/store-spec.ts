import type { Serde } from '../serde/serde.ts'
import type { TumblingWindows } from '../window/window.ts'

/** A state store as the topology declares it. */
export interface StoreSpec<K = any, V = any> {
  /** Stable: from the user's label, or the structure. */
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly windows: TumblingWindows | null
  /** Of a window store: entries whose start is not after observed stream time less this are gone. */
  readonly retentionMs: number
  /** The topic that the state is rebuilt from. */
  readonly changelog: string
  /**
   * What serdes are told as the topic of stored values: the changelog that the store has or, over an input topic, would have. So the schema of what is stored
   * never becomes one of somebody else's topic.
   */
  readonly serdeTopic: string
  /** The changelog is the table's own input topic: nothing is written to it. */
  readonly isSourceTopic: boolean
  /** Topic configuration of the changelog, above the defaults. */
  readonly changelogConfig: Readonly<Record<string, string>>
}
