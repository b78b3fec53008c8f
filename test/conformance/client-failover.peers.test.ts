import { describe } from 'vitest'
import { clientFailoverSuite } from './client-failover-suite.ts'

describe('our client on three nodes of Apache Kafka', () => clientFailoverSuite('kafka'))
