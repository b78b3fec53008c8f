import { ErrorCode } from '@millrace/protocol'
import { expect, test } from 'vitest'
import { changeConfigs } from './config-changes.ts'

const topic = { resourceType: 2, resourceName: 'a' }
const everyBroker = { resourceType: 4, resourceName: '' }
const broker = (id: number) => ({ resourceType: 4, resourceName: String(id) })
const accepted = (resource: object) => ({ ...resource, errorCode: 0, errorMessage: null }) as never

async function change(resources: (typeof topic)[]) {
  const sent: object[] = []
  const { responses } = await changeConfigs({ resources }, 1, async request => {
    sent.push(...(request as { resources: object[] }).resources)
    return { responses: (request as { resources: object[] }).resources.map(accepted) }
  })
  return { sent, codes: new Map(responses.map(row => [`${row.resourceType}:${row.resourceName}`, row.errorCode])) }
}

test('settings of another broker are refused here, and the rest goes to the controller', async () => {
  const { sent, codes } = await change([broker(2), topic, everyBroker, broker(1)])
  expect(sent).toEqual([topic, everyBroker, broker(1)])
  expect(codes).toEqual(
    new Map([
      ['4:2', ErrorCode.INVALID_REQUEST],
      ['2:a', 0],
      ['4:', 0],
      ['4:1', 0],
    ]),
  )
})

test('a request for another broker alone goes nowhere', async () => {
  const { sent, codes } = await change([broker(7)])
  expect(sent).toEqual([])
  expect(codes).toEqual(new Map([['4:7', ErrorCode.INVALID_REQUEST]]))
})
