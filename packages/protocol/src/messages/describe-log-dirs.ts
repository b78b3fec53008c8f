/** DescribeLogDirs (key 35): log directories of a broker: replicas, sizes, space. */
import { api } from '../api.ts'
import { array, bool, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const DescribeLogDirsRequest = message(
  'DescribeLogDirsRequest',
  { versions: '1-5', flexible: 2 },
  { topics: array({ nullable: true }, { topic: string({ mapKey: true, entity: 'topicName' }), partitions: array(int32()) }) },
)

export interface DescribeLogDirsRequest extends ValueOf<typeof DescribeLogDirsRequest> {}

export const DescribeLogDirsResponse = message(
  'DescribeLogDirsResponse',
  { versions: '1-5', flexible: 2 },
  {
    throttleTimeMs: int32(),
    errorCode: int16({ since: 3, ignorable: true }),
    results: array({
      errorCode: int16(),
      logDir: string(),
      topics: array({
        name: string({ entity: 'topicName' }),
        partitions: array({ partitionIndex: int32(), partitionSize: int64(), offsetLag: int64(), isFutureKey: bool() }),
      }),
      totalBytes: int64({ since: 4, default: -1, ignorable: true }),
      usableBytes: int64({ since: 4, default: -1, ignorable: true }),
      isCordoned: bool({ since: 5, ignorable: true }),
    }),
  },
)

export interface DescribeLogDirsResponse extends ValueOf<typeof DescribeLogDirsResponse> {}

export const DescribeLogDirs = api({
  key: 35,
  name: 'DescribeLogDirs',
  listeners: ['broker'],
  request: DescribeLogDirsRequest,
  response: DescribeLogDirsResponse,
})
