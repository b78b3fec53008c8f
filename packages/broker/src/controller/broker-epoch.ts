import type { MetadataImage } from './image.ts'

/** Whether the request comes from the process that is registered; if not, it is answered STALE_BROKER_EPOCH. */
export function isCurrentBroker(
  image: MetadataImage,
  { brokerId, brokerEpoch }: { readonly brokerId: number; readonly brokerEpoch: number },
): boolean {
  return image.broker(brokerId)?.epoch === brokerEpoch
}
