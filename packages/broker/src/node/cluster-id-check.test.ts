import { ErrorCode } from '@millrace/protocol'
import { expect, test } from 'vitest'
import { ClusterIdCheck } from './cluster-id-check.ts'

const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'
const peer = (port: number) => ({ id: port, host: '127.0.0.1', port })
const other = ErrorCode.INCONSISTENT_CLUSTER_ID

function check(peers: number) {
  const failures: string[] = []
  const checked = new ClusterIdCheck(clusterId, peers, error => failures.push(`${error.code}: ${error.message}`))
  return { checked, failures }
}

test('a node that everybody refuses ends, once, and says whom it asked', () => {
  const { checked, failures } = check(2)
  checked.answered(peer(1), other)
  expect(failures).toEqual([])
  checked.answered(peer(2), other)
  checked.answered(peer(2), other)
  expect(failures).toEqual([expect.stringMatching(/^CLUSTER_ID_MISMATCH: .*127\.0\.0\.1:1, 127\.0\.0\.1:2 to another/)])
})

test('a node that one stray refuses goes on, even when nobody else is there yet', () => {
  const { checked, failures } = check(2)
  for (let i = 0; i < 5; i++) checked.answered(peer(1), other)
  expect(failures).toEqual([])
})

test('a node that was answered once is never ended by a refusal', () => {
  const { checked, failures } = check(1)
  checked.answered(peer(1), ErrorCode.NONE)
  checked.answered(peer(1), other)
  expect(failures).toEqual([])
})
