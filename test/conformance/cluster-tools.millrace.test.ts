import { describe } from 'vitest'
import { clusterToolsSuite } from './cluster-tools-suite.ts'

describe("Apache Kafka's tools on Millrace", () => clusterToolsSuite('millrace'))
