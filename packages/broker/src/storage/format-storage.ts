import { isUuid, zeroUuid } from '@millrace/protocol'
import { MillraceError, silentLogger, type World } from '@millrace/runtime'
import { readBrokerConfig } from '../config/broker-config.ts'
import { nodeKeys } from '../config/node-keys.ts'
import { bootstrapRecords, initialLevels } from '../controller/initial-levels.ts'
import { encodeRecord } from '../controller/record-codec.ts'
import { checkpointBatches } from '../raft/checkpoint-batches.ts'
import { snapshotName, writeCheckpointNow } from '../raft/snapshots.ts'
import { type VoterEndpoints, votersRecord } from '../raft/voter-set.ts'
import { type InitialVotersOptions, initialVoters } from './initial-voters.ts'
import { logDirectoriesOf, metadataPartitionDirectory } from './log-directories.ts'
import { readMetaProperties, writeMetaProperties } from './meta-properties.ts'
import { newUuid } from './new-uuid.ts'

export interface FormatOptions extends InitialVotersOptions {
  /** As read from server.properties. */
  readonly properties: ReadonlyMap<string, string>
  readonly clusterId: string
  /** Release whose levels the cluster begins with, as `4.1` or `4.1-IV0`. Default: the newest that this version knows. */
  readonly releaseVersion?: string
  /** Levels of features that are others than the release's. */
  readonly features?: ReadonlyMap<string, number>
  /** Directories that are formatted already are left as they are instead of an error. */
  readonly ignoreFormatted?: boolean
}

/**
 * Formats the log directories as Apache Kafka 4.3.1's StorageTool does: meta.properties in each, the levels of the features in
 * `bootstrap.checkpoint`, and the voters of a dynamic quorum in the metadata log's first checkpoint. Returns the directories that were
 * formatted. Throws a ConfigError, or a MillraceError INVALID_CLUSTER_ID, ALREADY_FORMATTED, CLUSTER_ID_MISMATCH, NODE_ID_MISMATCH, QUORUM_MISMATCH, UNSUPPORTED_FEATURE.
 */
export function formatStorage(world: World, options: FormatOptions): string[] {
  const { properties, clusterId } = options
  const config = readBrokerConfig(properties, silentLogger)
  if (!isUuid(clusterId) || clusterId === zeroUuid) {
    throw new MillraceError(
      'INVALID_CLUSTER_ID',
      `${JSON.stringify(clusterId)} is not a cluster id: 22 characters of base64 for 16 bytes`,
      {
        hint: 'millrace storage random-uuid makes one',
      },
    )
  }
  const nodeId = config.get(nodeKeys.nodeId)!
  const paths = logDirectoriesOf(config)
  const metadataDirectoryId = options.initialControllers?.find(({ id }) => id === nodeId)?.directoryId ?? newUuid(world)
  const voters = initialVoters(config, options, metadataDirectoryId)
  const { noInitialControllers, releaseVersion, features } = options
  const levels = initialLevels({
    isDynamic: voters !== null || noInitialControllers === true,
    ...(releaseVersion === undefined ? {} : { releaseVersion }),
    ...(features === undefined ? {} : { features }),
  })
  const toFormat = [...new Set([...paths.all, paths.metadata])].filter(path => !isFormatted(world, path, nodeId, options))
  for (const path of toFormat) {
    const directoryId = path === paths.metadata ? metadataDirectoryId : newUuid(world)
    world.disk.makeDirectory(path)
    if (path === paths.metadata) {
      writeBootstrapCheckpoint(world, path, levels)
      if (voters) writeVotersCheckpoint(world, path, voters)
    }
    writeMetaProperties(world.disk, path, { clusterId, nodeId, directoryId })
  }
  return toFormat
}

function isFormatted(world: World, path: string, nodeId: number, { clusterId, ignoreFormatted }: FormatOptions): boolean {
  const meta = readMetaProperties(world.disk, path)
  if (!meta) return false
  if (!ignoreFormatted) {
    throw new MillraceError('ALREADY_FORMATTED', `${path} is formatted already`, {
      hint: '--ignore-formatted leaves it as it is',
    })
  }
  if (meta.clusterId !== clusterId) {
    throw new MillraceError('CLUSTER_ID_MISMATCH', `${path} belongs to the cluster ${meta.clusterId}, not to ${clusterId}`, {
      hint: `format with -t ${meta.clusterId}, or name another directory in log.dirs`,
    })
  }
  if (meta.nodeId !== nodeId) {
    throw new MillraceError('NODE_ID_MISMATCH', `${path} belongs to node ${meta.nodeId}, and node.id is ${nodeId}`, {
      hint: 'name another directory in log.dirs',
    })
  }
  return true
}

function writeBootstrapCheckpoint(world: World, path: string, levels: ReadonlyMap<string, number>): void {
  const values = bootstrapRecords(levels).map(record => encodeRecord(record))
  const batches = checkpointBatches({ epoch: 0, lastContainedLogTimestampMs: 0, values, nowMs: world.clock.now() })
  writeCheckpointNow(world.disk, `${path}/bootstrap.checkpoint`, batches)
}

function writeVotersCheckpoint(world: World, path: string, voters: readonly VoterEndpoints[]): void {
  const nowMs = world.clock.now()
  const batches = checkpointBatches({
    epoch: 0,
    lastContainedLogTimestampMs: nowMs,
    control: [
      { type: 'KRaftVersion', value: { version: 0, kRaftVersion: 1 } },
      { type: 'KRaftVoters', value: votersRecord(voters) },
    ],
    values: [],
    nowMs,
  })
  const directory = `${path}/${metadataPartitionDirectory}`
  world.disk.makeDirectory(directory)
  writeCheckpointNow(world.disk, `${directory}/${snapshotName({ endOffset: 0, epoch: 0 })}`, batches)
  world.disk.syncDirectory(path)
}
