import type { StreamRecord } from '../record.ts'

/** A node at work in one task: records are pushed in, results are pushed on, synchronously. */
export abstract class Processor {
  readonly children: Processor[] = []

  abstract process(record: StreamRecord<any, any>): void

  protected forward(record: StreamRecord<any, any>): void {
    const children = this.children
    for (let i = 0; i < children.length; i++) children[i]!.process(record)
  }

  /** Before a commit, parents first: hand on what was held back (results of a cached store). */
  flush(): void {}

  /** The task ends; nothing is handed on any more. */
  close(): void {}
}
