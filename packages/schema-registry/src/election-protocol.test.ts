import { expect, it } from 'vitest'
import { decodeElection, decodeIdentity, elect, encodeIdentity, type InstanceIdentity, urlOf } from './election-protocol.ts'

const at = (host: string, port: number, isEligible = true): InstanceIdentity => ({ host, port, scheme: 'http', isEligible })
const member = (memberId: string, identity: InstanceIdentity) => ({ memberId, metadata: encodeIdentity(identity) })
const text = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString())

it('the eligible instance with the smallest URL is the primary, as text compares', () => {
  const members = [member('a', at('h', 9)), member('b', at('h', 10)), member('c', at('a', 1, false))]
  const { primary, hasDuplicates } = decodeElection(elect(members))
  expect([urlOf(primary!), hasDuplicates]).toEqual(['http://h:10', false])
})

it('nobody is the primary where nobody is eligible, and nobody can be told apart where two have one address', () => {
  expect(decodeElection(elect([member('a', at('h', 1, false))])).primary).toBeNull()
  expect(decodeElection(elect([member('a', at('h', 1)), member('b', at('h', 1))])).hasDuplicates).toBe(true)
})

it('speaks JSON with Confluent’s names', () => {
  expect(text(encodeIdentity(at('h', 1)))).toEqual({ version: 1, host: 'h', port: 1, master_eligibility: true, scheme: 'http' })
  expect(text(elect([member('a', at('h', 1))]))).toEqual({
    version: 1,
    error: 0,
    master: 'a',
    master_identity: { version: 1, host: 'h', port: 1, master_eligibility: true, scheme: 'http' },
  })
})

it('takes what is new or missing in others’ identities, and leaves out who has none', () => {
  const bytes = Buffer.from('{"version":2,"host":"h","port":1,"master_eligibility":false,"leader":true,"more":1}')
  expect(decodeIdentity(bytes)).toEqual(at('h', 1, false))
  const nonsense = { memberId: 'x', metadata: Buffer.from('\0\u0001') }
  expect(urlOf(decodeElection(elect([nonsense, member('a', at('h', 1))])).primary!)).toBe('http://h:1')
})
