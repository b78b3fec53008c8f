import { createHash } from 'node:crypto'
import type { Reference } from './records.ts'

/** MD5 over the text, then each reference, then the metadata: Confluent's identity of a schema. */
export function identity(text: string, references: readonly Reference[], metadata: unknown): string {
  const hash = createHash('md5').update(text, 'utf8')
  for (const { name, subject, version } of references) {
    const number = Buffer.alloc(4)
    number.writeInt32BE(version)
    hash.update(name, 'utf8').update(subject, 'utf8').update(number)
  }
  if (metadata !== undefined && metadata !== null) hash.update(Buffer.of(1)).update(JSON.stringify(metadata), 'utf8')
  return hash.digest('hex')
}

/** The same as a UUID: what answers carry as `guid`. */
export function guidOf(md5: string): string {
  return md5.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
