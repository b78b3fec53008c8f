import {
  AlterReplicaLogDirs,
  type AlterReplicaLogDirsRequest,
  type AlterReplicaLogDirsResponse,
  type Draft,
} from '@millrace/protocol'
import type { LogMoves } from '../replication/log-moves.ts'
import type { ApiHandler } from './handler.ts'

/** Moves replicas of this broker into other ones of its log directories. Answered when the moves have begun. */
export function alterReplicaLogDirsHandler(
  moves: LogMoves,
): ApiHandler<AlterReplicaLogDirsRequest, Draft<AlterReplicaLogDirsResponse>> {
  return {
    api: AlterReplicaLogDirs,
    versions: { min: 1, max: 2 },
    handle({ dirs }) {
      const results = new Map<string, { partitionIndex: number; errorCode: number }[]>()
      for (const { path, topics } of dirs)
        for (const { name, partitions } of topics) {
          let answers = results.get(name)
          if (answers === undefined) results.set(name, (answers = []))
          for (const partitionIndex of partitions)
            answers.push({ partitionIndex, errorCode: moves.start(name, partitionIndex, withoutTrailingSlash(path)) })
        }
      return { results: [...results].map(([topicName, partitions]) => ({ topicName, partitions })) }
    },
  }
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
