import { formatStorage, parseFeatureLevels, parseInitialControllers } from '@millrace/broker'
import { newUuid } from '@millrace/broker/internal'
import { nodeWorld } from '@millrace/runtime'
import type { Command } from '../arguments.ts'
import { print } from '../output.ts'
import { readPropertiesFile } from '../properties-file.ts'

/** `millrace storage format`: prints a line for each directory. */
export function format(command: Extract<Command, { name: 'storage format' }>): void {
  const { clusterId, file, standalone, noInitialControllers, ignoreFormatted, releaseVersion } = command
  const world = nodeWorld()
  const properties = readPropertiesFile(world, file)
  const initialControllers = command.initialControllers === undefined ? [] : parseInitialControllers(command.initialControllers)
  const formatted = formatStorage(world, {
    properties,
    clusterId,
    standalone,
    initialControllers,
    noInitialControllers,
    ignoreFormatted,
    features: parseFeatureLevels(command.features),
    ...(releaseVersion === undefined ? {} : { releaseVersion }),
  })
  for (const directory of formatted) print(`Formatted ${directory} for cluster ${clusterId}`)
  if (formatted.length === 0) print('All log directories are formatted already')
}

/** `millrace storage random-uuid` */
export function randomUuid(): void {
  print(newUuid(nodeWorld()))
}
