import { declaring, unlimitedInt } from './declare.ts'

const { int, long } = declaring('broker')

/** Consumer groups and their offsets. */
export const groupKeys = {
  groupInitialRebalanceDelayMs: int(
    'group.initial.rebalance.delay.ms',
    3000,
    'An empty group waits so long for further members.',
  ),
  groupMinSessionTimeoutMs: int('group.min.session.timeout.ms', 6000, "Shortest session timeout of a group's member."),
  groupMaxSessionTimeoutMs: int('group.max.session.timeout.ms', 1_800_000, "Longest session timeout of a group's member."),
  groupMaxSize: int('group.max.size', unlimitedInt, 'Most members of a group.', { min: 1 }),
  offsetMetadataMaxBytes: int('offset.metadata.max.bytes', 4096, 'Longest text that may go with a committed offset.'),
  offsetsRetentionMinutes: int(
    'offsets.retention.minutes',
    10_080,
    'Offsets of a group without members are forgotten after so long.',
    {
      min: 1,
    },
  ),
  offsetsRetentionCheckIntervalMs: long(
    'offsets.retention.check.interval.ms',
    600_000,
    'Time between two looks for offsets to forget.',
    { min: 1 },
  ),
  offsetsCommitTimeoutMs: int('offsets.commit.timeout.ms', 5000, 'A commit not replicated within this time is refused.', {
    min: 1,
  }),
}
