import type { StreamRecord } from '../record.ts'
import { Processor } from './processor.ts'

/** Where the records of a topic come in. */
export class SourceProcessor extends Processor {
  process(record: StreamRecord<any, any>): void {
    this.forward(record)
  }
}
