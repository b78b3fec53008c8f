import { AlterConfigs, ErrorCode, IncrementalAlterConfigs } from '@millrace/protocol'
import { silentLogger } from '@millrace/runtime'
import { expect, test } from 'vitest'
import { LoggerLevels } from '../logger-levels.ts'
import { changeLoggers } from './logger-changes.ts'

const level = (name: string, value: string) => ({ name, configOperation: 0, value })
const loggersOf = (resourceName: string, ...configs: ReturnType<typeof level>[]) => ({ resourceType: 8, resourceName, configs })
const topic = { resourceType: 2, resourceName: 't', configs: [level('retention.ms', '1')] }

async function change(resources: (typeof topic)[], { validateOnly = false, api = IncrementalAlterConfigs as object } = {}) {
  const loggers = new LoggerLevels(silentLogger)
  const sent: object[] = []
  const answer: any = await changeLoggers(api as never, { resources, validateOnly }, { nodeId: 1, loggers }, async request => {
    sent.push(...request.resources)
    return { throttleTimeMs: 0, responses: request.resources.map(() => ({ errorCode: 0, resourceType: 2 })) }
  })
  const codes = answer.responses.map((row: { resourceType: number; errorCode: number }) => [row.resourceType, row.errorCode])
  return { sent, codes, raft: loggers.all().find(({ name }) => name === 'raft')!.level }
}

test('levels of this node are set here, and what else the request has goes on', async () => {
  expect(await change([topic, loggersOf('1', level('raft', 'WARN'))])).toEqual({
    sent: [topic],
    codes: [
      [8, 0],
      [2, 0],
    ],
    raft: 'WARN',
  })
  expect(await change([loggersOf('1', level('raft', 'WARN'))], { validateOnly: true })).toEqual({
    sent: [],
    codes: [[8, 0]],
    raft: 'INFO',
  })
})

test('loggers of another node, of none, and that there are not are refused', async () => {
  const resources = [
    loggersOf('2', level('raft', 'WARN')),
    loggersOf('', level('raft', 'WARN')),
    loggersOf('1', level('x', 'WARN')),
  ]
  expect(await change(resources)).toEqual({
    sent: [],
    codes: [
      [8, ErrorCode.INVALID_REQUEST],
      [8, ErrorCode.INVALID_REQUEST],
      [8, ErrorCode.INVALID_CONFIG],
    ],
    raft: 'INFO',
  })
})

test('AlterConfigs, which would delete what it does not name, is for the controller to refuse', async () => {
  const { sent, raft } = await change([loggersOf('1', level('raft', 'WARN'))], { api: AlterConfigs })
  expect([sent.length, raft]).toEqual([1, 'INFO'])
})
