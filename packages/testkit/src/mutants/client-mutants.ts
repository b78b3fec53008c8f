import { Producer } from '@millrace/client'
import { PartitionQueue, PartitionState } from '@millrace/client/internal'
import { type Mutant, replaceMethod } from './mutant.ts'

export const clientMutants: readonly Mutant[] = [
  {
    name: 'renumber-on-retry',
    bug: 'a batch that goes again gets a new sequence number',
    seeds: 20,
    draw: 'single',
    plant: () =>
      replaceMethod(
        PartitionQueue.prototype,
        'giveBack',
        giveBack =>
          function (this: PartitionQueue, batch) {
            batch.baseSequence = -1
            giveBack.call(this, batch)
          },
      ),
  },
  {
    name: 'retry-overtaken',
    bug: 'a batch that goes again goes behind those that wait',
    seeds: 20,
    draw: 'single',
    plant: () =>
      replaceMethod(
        PartitionQueue.prototype,
        'recover',
        recover =>
          function (this: PartitionQueue, bump) {
            const mayGoOn = recover.call(this, bump)
            if (mayGoOn && this.waiting.length > 1 && this.waiting[0]!.attempts > 0) this.waiting.push(this.waiting.shift()!)
            return mayGoOn
          },
      ),
  },
  {
    name: 'commit-what-was-fetched',
    bug: 'automatic commits take what was fetched ahead for read',
    seeds: 20,
    draw: 'single',
    options: {
      autoCommit: true,
      restartsMembers: true,
      processingMs: 10,
      maxPollRecords: 1,
      faults: ['kill-consumer'],
      sendEveryMs: 20,
    },
    plant: () =>
      replaceMethod(
        PartitionState.prototype,
        'finish',
        () =>
          function (this: PartitionState) {
            this.finished = this.fetchOffset
            this.finishedEpoch = this.positionEpoch
          },
      ),
  },
  {
    name: 'streams-commit-before-results',
    bug: 'a streams application commits its input before its results are acknowledged',
    seeds: 20,
    draw: 'single',
    options: { streams: true, faults: ['kill-streams'], faultEveryMs: 800, sendEveryMs: 20 },
    plant: () => replaceMethod(Producer.prototype, 'flush', () => () => Promise.resolve()),
  },
]
