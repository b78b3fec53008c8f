import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNode } from '@millrace/broker'
import { nodeWorld, silentLogger } from '@millrace/runtime'
import { expect, test } from 'vitest'
import { GroupTrace } from './group-trace.ts'

/**
 * The lines that Apache Kafka 4.3.1 gave (group.initial.rebalance.delay.ms=0). To record them anew:
 * `node -e "import('./test/conformance/group-trace.ts').then(async t => console.log((await t.GroupTrace.of(19092, 'r1')).join('\\n')))"`
 */
const fixture = join(import.meta.dirname, '../fixtures/group-trace.txt')

test('every request of groups and offsets, in every version, is answered as Apache Kafka answers it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-group-trace-'))
  const broker = await startNode({ world: nodeWorld(), dataDirectory: directory, port: 0, logger: silentLogger })
  try {
    const lines = await GroupTrace.of(broker.listeners[0]!.port, 'r1')
    expect(lines).toEqual(readFileSync(fixture, 'utf8').trimEnd().split('\n'))
  } finally {
    await broker.close()
    rmSync(directory, { recursive: true, force: true })
  }
})
