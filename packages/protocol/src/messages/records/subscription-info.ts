/** What a Kafka Streams instance of a classic group tells the leader, as user data of its subscription. */
import { array, bytes, int8, int32, int64, message, string, uuid, type ValueOf } from '../../schema.ts'

const subscriptionInfoDataTaskId = { topicGroupId: int32(), partition: int32() } as const

const subscriptionInfoDataPartitionToOffsetSum = { partition: int32(), offsetSum: int64() } as const

const subscriptionInfoDataTaskOffsetSum = {
  topicGroupId: int32(),
  partition: int32({ since: 10 }),
  offsetSum: int64({ since: 10 }),
  namedTopology: string({ since: 10, nullable: true }),
  partitionToOffsetSum: array({ until: 9 }, subscriptionInfoDataPartitionToOffsetSum),
} as const

const subscriptionInfoDataClientTag = { key: bytes(), value: bytes() } as const

export const SubscriptionInfoData = message(
  'SubscriptionInfoData',
  { versions: '1-11' },
  {
    version: int32(),
    latestSupportedVersion: int32({ since: 3, default: -1 }),
    processId: uuid(),
    prevTasks: array({ until: 6 }, subscriptionInfoDataTaskId),
    standbyTasks: array({ until: 6 }, subscriptionInfoDataTaskId),
    userEndPoint: bytes({ since: 2 }),
    taskOffsetSums: array({ since: 7 }, subscriptionInfoDataTaskOffsetSum),
    uniqueField: int8({ since: 8 }),
    errorCode: int32({ since: 9 }),
    clientTags: array({ since: 11 }, subscriptionInfoDataClientTag),
  },
)

export interface SubscriptionInfoData extends ValueOf<typeof SubscriptionInfoData> {}
