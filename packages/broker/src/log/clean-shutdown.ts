import { type Disk, replaceFile } from '@millrace/runtime'

const fileName = '.kafka_cleanshutdown'

/** Says in a log directory that all its logs were closed in order; holds the epoch that the broker had. */
export function writeCleanShutdown(disk: Disk, directory: string, brokerEpoch: number): void {
  replaceFile(disk, `${directory}/${fileName}`, JSON.stringify({ version: 0, brokerEpoch }))
}

/** The broker epoch of the last clean stop, if it is the same in all directories; else -1. The files stay. */
export function previousBrokerEpoch(disk: Disk, directories: readonly string[]): number {
  const epochs = directories.map(directory => {
    const path = `${directory}/${fileName}`
    return disk.exists(path) ? epochIn(disk.readFile(path).toString('utf8')) : -1
  })
  return epochs.every(epoch => epoch === epochs[0]) ? (epochs[0] ?? -1) : -1
}

/** The broker epoch of the last clean stop (-1 when the file does not say), or null after an unclean one. The file is gone, durably, when it returns. */
export function takeCleanShutdown(disk: Disk, directory: string): number | null {
  const path = `${directory}/${fileName}`
  if (!disk.exists(path)) return null
  const text = disk.readFile(path).toString('utf8')
  disk.remove(path)
  disk.syncDirectory(directory)
  return epochIn(text)
}

function epochIn(text: string): number {
  const [, brokerEpoch] = /"brokerEpoch"\s*:\s*(-?\d+)/.exec(text) ?? []
  return brokerEpoch === undefined ? -1 : Number(brokerEpoch)
}
