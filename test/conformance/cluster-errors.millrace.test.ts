import { describe } from 'vitest'
import { clusterErrorsSuite } from './cluster-errors-suite.ts'

describe("what Millrace's cluster refuses", () => clusterErrorsSuite('millrace'))
