import { describe } from 'vitest'
import { clusterErrorsSuite } from './cluster-errors-suite.ts'

describe("what Apache Kafka's cluster refuses", () => clusterErrorsSuite('kafka'))
