import { describe } from 'vitest'
import { clusterToolsSuite } from './cluster-tools-suite.ts'

describe("Apache Kafka's tools on Apache Kafka", () => clusterToolsSuite('kafka'))
