import { Admin } from '@millrace/client'
import { messageOf, type World } from '@millrace/runtime'
import type { SeededRandom } from '../world/random.ts'
import type { SimulatedMachine } from '../world/world.ts'
import type { WorkloadContext } from './context.ts'

/** A topic as it must be: how many partitions, and one setting. Null: it is not there. */
type TopicState = { readonly partitions: number; readonly maxMessageBytes: number; readonly topicId: string | null } | null

const setting = 'max.message.bytes'
const maxTopics = 6
const everyMs = 250
/** An answer that took longer may be that to another attempt than the first. */
const oneAttemptMs = 90

/** Creates, grows, configures and deletes topics, one request after the other, and knows what the cluster has acknowledged of it. */
export class AdminProcess {
  readonly machine: SimulatedMachine
  readonly #context: WorkloadContext
  readonly #random: SeededRandom
  /** What may be true of each topic: one state, or two while a request without an answer may have been carried out. */
  readonly #topics = new Map<string, TopicState[]>()
  /** Of these a request was perhaps sent twice: the one without an answer may have been carried out at any time since. */
  readonly #uncertain = new Set<string>()
  #stopping = false
  #stopped: Promise<void> = Promise.resolve()

  constructor(context: WorkloadContext) {
    this.#context = context
    this.#random = context.universe.random.fork('workload/admin')
    this.machine = context.universe.machine('changes')
  }

  start(): void {
    this.#stopped = this.#live(this.machine.boot())
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#stopped
  }

  /** Compares what was acknowledged with what is there. */
  async verify(admin: Admin): Promise<void> {
    const listed = new Map((await admin.listTopics()).map(({ topic, topicId }) => [topic, topicId]))
    for (const [topic, states] of this.#topics) {
      const found = await this.#find(admin, topic, listed.get(topic))
      if (this.#uncertain.has(topic) || states.some(state => isSame(state, found))) continue
      this.#context.fail(`topic ${topic} is ${JSON.stringify(found)} and was acknowledged as ${JSON.stringify(states)}`)
    }
  }

  async #find(admin: Admin, topic: string, topicId: string | undefined): Promise<TopicState> {
    if (topicId === undefined) return null
    const [description] = await admin.describeTopics([topic])
    const [config] = await admin.describeConfigs([{ type: 'topic', name: topic }])
    const value = config?.entries.find(({ name }) => name === setting)?.value
    return { partitions: description?.partitions.length ?? -1, maxMessageBytes: Number(value), topicId }
  }

  async #live(world: World): Promise<void> {
    const admin = new Admin({
      world,
      bootstrapServers: this.#context.bootstrapServers,
      clientId: 'changes',
      requestTimeoutMs: 2000,
      defaultApiTimeoutMs: 8000,
    })
    while (!this.#stopping) {
      await new Promise<void>(resolve => world.clock.timer(this.#random.exponential(everyMs), resolve))
      await this.#change(admin)
    }
    await admin.close()
  }

  async #change(admin: Admin): Promise<void> {
    const name = `made-${this.#random.below(maxTopics)}`
    const states = this.#topics.get(name) ?? [null]
    // What is not known is left alone until the end.
    if (states.length > 1) return
    const before = states[0]!
    if (before === null) {
      const after = { partitions: this.#random.between(1, 3), maxMessageBytes: this.#random.between(1000, 2000), topicId: null }
      await this.#attempt(name, before, after, async () => {
        const [created] = await admin.createTopics([
          {
            topic: name,
            partitions: after.partitions,
            replicationFactor: this.#context.options.replicationFactor,
            configs: { [setting]: String(after.maxMessageBytes) },
          },
        ])
        return { ...after, topicId: created!.topicId }
      })
      return
    }
    const kind = this.#random.below(3)
    if (kind === 0) {
      await this.#attempt(name, before, null, async () => {
        await admin.deleteTopics([name])
        return null
      })
    } else if (kind === 1) {
      const after = { ...before, partitions: before.partitions + this.#random.between(1, 2) }
      await this.#attempt(name, before, after, async () => {
        await admin.createPartitions([{ topic: name, count: after.partitions }])
        return after
      })
    } else {
      const after = { ...before, maxMessageBytes: this.#random.between(1000, 2000) }
      await this.#attempt(name, before, after, async () => {
        await admin.incrementalAlterConfigs([
          { type: 'topic', name, changes: [{ name: setting, value: String(after.maxMessageBytes) }] },
        ])
        return after
      })
    }
  }

  async #attempt(name: string, before: TopicState, after: TopicState, request: () => Promise<TopicState>): Promise<void> {
    this.#topics.set(name, [before, after])
    const { scheduler } = this.#context.universe
    const sinceMs = scheduler.nowMs
    try {
      this.#topics.set(name, [await request()])
    } catch (error) {
      // A retried request may be refused for what its first attempt has done.
      this.#context.log(`change of ${name} failed: ${messageOf(error)}`)
    }
    if (scheduler.nowMs - sinceMs > oneAttemptMs) this.#uncertain.add(name)
  }
}

function isSame(state: TopicState, found: TopicState): boolean {
  if (state === null || found === null) return state === found
  return (
    state.partitions === found.partitions &&
    state.maxMessageBytes === found.maxMessageBytes &&
    (state.topicId === null || state.topicId === found.topicId)
  )
}
