import { apis, CreateTopics, decodeResponse, ErrorCode, encodeResponse, errorOf, joined } from '@millrace/protocol'
import { MillraceError, silentLogger } from '@millrace/runtime'
import { expect, test } from 'vitest'
import { isDecided } from './controller-table.ts'
import { refusalFor, refusalOf } from './refusal.ts'

const decided = apis.filter(isDecided)
const code = ErrorCode.NOT_CONTROLLER

/** A request with one item of everything that the API can list. */
const items: Record<string, object> = {
  CreateTopics: { topics: [{ name: 't' }] },
  DeleteTopics: { topics: [{ name: 't' }], topicNames: [] },
  CreatePartitions: { topics: [{ name: 't', count: 2, assignments: null }] },
  IncrementalAlterConfigs: { resources: [{ resourceType: 2, resourceName: 't' }] },
  AlterConfigs: { resources: [{ resourceType: 2, resourceName: 't' }] },
  AlterPartitionReassignments: { topics: [{ name: 't', partitions: [{ partitionIndex: 1 }] }] },
  ElectLeaders: { topicPartitions: [{ topic: 't', partitions: [1] }] },
}

function codesIn(value: unknown): number[] {
  if (Array.isArray(value)) return value.flatMap(codesIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => (name === 'errorCode' ? [inner as number] : codesIn(inner)))
}

test.each(decided.flatMap(api => [api.versions!.min, api.versions!.max].map(version => [api.name, version, api] as const)))(
  'a refused %s of version %i says why in its own shape',
  (name, version, api) => {
    const request =
      version < api.versions!.max && name === 'DeleteTopics' ? { topics: [], topicNames: ['t'] } : (items[name] ?? {})
    const bytes = joined(encodeResponse(api, version, 1, refusalOf(api, version, request, code, 'why')))
    const codes = codesIn(decodeResponse(api, version, Buffer.from(bytes.subarray(4))).body)
    // A field that the version lacks reads as zero.
    expect(new Set(codes.filter(code => code !== ErrorCode.NONE))).toEqual(new Set([code]))
  },
)

test('what passes is a time-out, what is Kafka’s keeps its code, a bug is named in the log', () => {
  const logged: unknown[] = []
  const logger = { ...silentLogger, error: (event: string, facts?: object) => void logged.push([event, facts]) }
  const refused = (error: unknown) => refusalFor(CreateTopics, 7, { topics: [{ name: 't' }] } as never, error, logger).topics![0]!
  expect(refused(errorOf(ErrorCode.POLICY_VIOLATION))).toMatchObject({ name: 't', errorCode: ErrorCode.POLICY_VIOLATION })
  expect(refused(new MillraceError('LOST', 'lost', { retriable: true }))).toMatchObject({
    errorCode: ErrorCode.REQUEST_TIMED_OUT,
  })
  expect(logged).toEqual([])
  expect(refused(new TypeError('oops'))).toMatchObject({ errorCode: ErrorCode.UNKNOWN_SERVER_ERROR })
  expect(logged).toEqual([['request.failed', { api: 'CreateTopics', error: 'oops' }]])
})
