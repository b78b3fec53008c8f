import type { BrokerServices } from '../services.ts'

/** Resolves with true as soon as this broker's metadata have the topic, with false after `timeoutMs`: the controller has committed it, this broker may have to catch up. */
export function topicArrives({ metadata, world }: BrokerServices, name: string, timeoutMs: number): Promise<boolean> {
  if (metadata.topic(name)) return Promise.resolve(true)
  return new Promise(resolve => {
    const settle = (arrived: boolean) => {
      unsubscribe()
      timer.cancel()
      resolve(arrived)
    }
    const unsubscribe = metadata.subscribe(() => {
      if (metadata.topic(name)) settle(true)
    })
    const timer = world.clock.timer(timeoutMs, () => settle(false))
  })
}
