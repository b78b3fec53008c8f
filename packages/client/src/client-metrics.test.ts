import { expect, it, vi } from 'vitest'

const scopes: string[] = []
const figures: [string, number][] = []
vi.mock('@millrace/runtime', async original => ({
  ...(await original<typeof import('@millrace/runtime')>()),
  metricsOf: (scope: string) => {
    scopes.push(scope)
    const instrument = (name: string) => {
      const take = (value: number) => figures.push([name, value])
      return { add: take, record: take }
    }
    return { counter: instrument, histogram: instrument }
  },
}))

it('instruments are made with the first figure, so that an SDK installed after the import is told', async () => {
  const { ProducerMetrics } = await import('./producer/producer-metrics.ts')
  const { ConsumerMetrics } = await import('./consumer/consumer-metrics.ts')
  const producer = new ProducerMetrics('p')
  const consumer = new ConsumerMetrics('c', 'g')
  expect(scopes).toEqual([])
  producer.answered(3)
  producer.answered(4)
  consumer.rebalanced()
  expect(scopes).toEqual(['@millrace/client', '@millrace/client'])
  expect(figures).toEqual([
    ['millrace.producer.request.duration', 3],
    ['millrace.producer.request.duration', 4],
    ['millrace.consumer.rebalances', 1],
  ])
})
