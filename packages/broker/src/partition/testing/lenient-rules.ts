import type { ProduceRules } from '../produce-rules.ts'

/** For tests: a topic that takes every batch as it is. */
export const lenientRules: ProduceRules = {
  maxMessageBytes: 1 << 20,
  minIsr: 1,
  compacted: false,
  mayDeleteRecords: true,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  compressionType: 'producer',
  compressionLevel: undefined,
}
