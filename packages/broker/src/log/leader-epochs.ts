import { type Disk, replaceFile } from '@millrace/runtime'

const fileName = 'leader-epoch-checkpoint'

interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

/**
 * Where each leader epoch begins in a log, both growing (KIP-101). Changes reach `leader-epoch-checkpoint` with `save`: what a crash takes
 * from the file is read from the batches behind the recovery point again.
 */
export class LeaderEpochs {
  readonly #disk: Disk
  readonly #path: string
  #starts: EpochStart[] = []
  #isSaved = true

  /** Reads the file; one that is damaged counts as missing. */
  constructor(disk: Disk, directory: string) {
    this.#disk = disk
    this.#path = `${directory}/${fileName}`
    if (disk.exists(this.#path)) this.#starts = parse(disk.readFile(this.#path).toString('utf8'))
  }

  /** -1 without any. */
  get last(): number {
    return this.#starts.at(-1)?.epoch ?? -1
  }
  get count(): number {
    return this.#starts.length
  }

  /** Epoch `epoch` begins at `startOffset`; known epochs are left as they are, contradicting later ones are dropped. */
  assign(epoch: number, startOffset: number): void {
    const last = this.#starts.at(-1)
    if (last !== undefined && last.epoch === epoch && last.startOffset <= startOffset) return
    while (this.#starts.length > 0) {
      const { epoch: lastEpoch, startOffset: lastStart } = this.#starts.at(-1)!
      if (lastEpoch < epoch && lastStart < startOffset) break
      // An epoch without a single batch gives its place to the next one.
      this.#starts.pop()
    }
    this.#starts.push({ epoch, startOffset })
    this.#isSaved = false
  }

  /**
   * A record of `epoch` lies at `offset`: the epoch begins there if it is the newest, and a newer one that begins at or before it had no record here
   * (this replica led, wrote nothing, and follows one that did not know of it).
   */
  saw(epoch: number, offset: number): void {
    const starts = this.#starts
    if (this.last > epoch && starts.some(start => start.epoch > epoch && start.startOffset <= offset)) {
      this.#starts = starts.filter(start => start.epoch <= epoch || start.startOffset > offset)
      this.#isSaved = false
    }
    if (epoch > this.last) this.assign(epoch, offset)
  }

  /** Epoch of the record at `offset`, -1 when not known. */
  epochAt(offset: number): number {
    for (let i = this.#starts.length - 1; i >= 0; i--) if (this.#starts[i]!.startOffset <= offset) return this.#starts[i]!.epoch
    return -1
  }

  /**
   * The largest epoch up to `epoch` that the log knows and where it ends, as OffsetForLeaderEpoch answers; -1 and -1 for an epoch that is
   * newer than all.
   */
  endOf(epoch: number, logEndOffset: number): { epoch: number; endOffset: number } {
    if (epoch < 0 || epoch > this.last) return { epoch: -1, endOffset: -1 }
    if (epoch === this.last) return { epoch, endOffset: logEndOffset }
    const above = this.#starts.findIndex(start => start.epoch > epoch)
    const { startOffset } = this.#starts[above]!
    return above === 0 ? { epoch, endOffset: startOffset } : { epoch: this.#starts[above - 1]!.epoch, endOffset: startOffset }
  }

  /** The log ends at `endOffset` now. */
  truncateFromEnd(endOffset: number): void {
    while (this.#starts.length > 0 && this.#starts.at(-1)!.startOffset >= endOffset) {
      this.#starts.pop()
      this.#isSaved = false
    }
  }

  /** The log starts at `startOffset` now: the epoch there begins there. */
  truncateFromStart(startOffset: number): void {
    let first = 0
    while (first + 1 < this.#starts.length && this.#starts[first + 1]!.startOffset <= startOffset) first++
    const start = this.#starts[first]
    if (start === undefined || start.startOffset >= startOffset) return
    this.#starts.splice(0, first + 1, { epoch: start.epoch, startOffset })
    this.#isSaved = false
  }

  clear(): void {
    if (this.#starts.length > 0) this.#isSaved = false
    this.#starts = []
  }

  /** Writes the file, durably, if something changed. */
  save(): void {
    if (this.#isSaved && this.#disk.exists(this.#path)) return
    const lines = this.#starts.map(({ epoch, startOffset }) => `${epoch} ${startOffset}\n`)
    replaceFile(this.#disk, this.#path, `0\n${lines.length}\n${lines.join('')}`)
    this.#isSaved = true
  }
}

function parse(text: string): EpochStart[] {
  const [version, count, ...lines] = text.trimEnd().split('\n')
  if (version !== '0' || Number(count) !== lines.length) return []
  const starts: EpochStart[] = []
  for (const line of lines) {
    const [, epoch, startOffset] = /^(\d+) (\d+)$/.exec(line) ?? []
    if (epoch === undefined) return []
    starts.push({ epoch: Number(epoch), startOffset: Number(startOffset) })
  }
  return starts
}
