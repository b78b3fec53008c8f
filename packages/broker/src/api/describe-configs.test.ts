import { ErrorCode } from '@millrace/protocol'
import { expect, test } from 'vitest'
import { ControllerScenario } from '../testing/controller-scenario.ts'
import { describeConfigsHandler } from './describe-configs.ts'
import type { RequestContext } from './handler.ts'
import { listConfigResourcesHandler } from './list-config-resources.ts'

const group = 32
const clientMetrics = 16

function scenarioOf() {
  const scenario = new ControllerScenario([1])
  scenario.alterConfigs(group, 'g', [['consumer.session.timeout.ms', 0, '50000']])
  scenario.alterConfigs(clientMetrics, 'm', [['interval.ms', 0, '1000']])
  return scenario
}

async function describe({ state }: ControllerScenario, resourceType: number, resourceName: string) {
  const request = {
    resources: [{ resourceType, resourceName, configurationKeys: null }],
    includeSynonyms: true,
    includeDocumentation: false,
  }
  const answer = await describeConfigsHandler().handle(request, { apiVersion: 4 } as RequestContext, state as never)
  return answer!.results![0]!
}

test('DescribeConfigs tells the settings of a group: its own, else the defaults', async () => {
  const { errorCode, configs } = await describe(scenarioOf(), group, 'g')
  expect(errorCode).toBe(0)
  expect(configs!.find(({ name }) => name === 'consumer.session.timeout.ms')).toMatchObject({
    value: '50000',
    configSource: 8,
    synonyms: [
      { value: '50000', source: 8 },
      { value: '45000', source: 5 },
    ],
  })
  expect(configs!.find(({ name }) => name === 'share.isolation.level')).toMatchObject({
    value: 'read_uncommitted',
    configSource: 5,
  })
})

test('DescribeConfigs tells a subscription of client metrics, and wants its name', async () => {
  const { configs } = await describe(scenarioOf(), clientMetrics, 'm')
  expect(configs!.map(({ name, value, configSource }) => [name, value, configSource])).toEqual([
    ['metrics', '', 5],
    ['interval.ms', '1000', 7],
    ['match', '', 5],
  ])
  expect((await describe(scenarioOf(), clientMetrics, '')).errorCode).toBe(ErrorCode.INVALID_REQUEST)
})

test('ListConfigResources names the groups and subscriptions that have settings', async () => {
  const { image } = scenarioOf()
  const list = (resourceTypes: number[], apiVersion: number) =>
    listConfigResourcesHandler().handle({ resourceTypes }, { apiVersion } as RequestContext, { metadata: image } as never)
  expect(await list([group], 1)).toEqual({ configResources: [{ resourceName: 'g', resourceType: group }] })
  expect(await list([], 0)).toEqual({ configResources: [{ resourceName: 'm', resourceType: clientMetrics }] })
})
