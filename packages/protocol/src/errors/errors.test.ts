import { MillraceError } from '@millrace/runtime'
import { describe, expect, it } from 'vitest'
import { ErrorCode } from './error-code.ts'
import { errorFacts, errors } from './error-table.ts'
import { errorOf, KafkaError } from './kafka-error.ts'

describe('the table of errors', () => {
  it('has every code from -1 to 136 once, in order, each with a sentence of its own', () => {
    expect(errors.map(error => error.code)).toEqual(Array.from({ length: 138 }, (_, i) => i - 1))
    expect(new Set(errors.map(error => error.name)).size).toBe(138)
    expect(new Set(errors.map(error => error.message)).size).toBe(138)
    expect(errors.filter(error => ErrorCode[error.name] !== error.code)).toEqual([])
  })

  it('asks for new metadata only where trying again can help', () => {
    expect(errors.filter(error => error.refreshMetadata && !error.retriable)).toEqual([])
  })

  it('takes a code from a newer broker as an unknown server error that keeps its number', () => {
    expect(errorFacts(999)).toMatchObject({ code: 999, name: 'UNKNOWN_SERVER_ERROR', retriable: false })
  })
})

describe('a KafkaError', () => {
  it('carries number, name and what to do', () => {
    const error = errorOf(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    expect(error).toBeInstanceOf(MillraceError)
    expect(error).toMatchObject({
      errorCode: 6,
      code: 'NOT_LEADER_OR_FOLLOWER',
      retriable: true,
      refreshMetadata: true,
      name: 'KafkaError',
    })
    expect(error.message).toMatch(/^NOT_LEADER_OR_FOLLOWER: /)
  })

  it('says what the broker said, when it said something', () => {
    expect(errorOf(ErrorCode.INVALID_CONFIG, 'no such key').message).toBe('INVALID_CONFIG: no such key')
    expect(new KafkaError(ErrorCode.INVALID_CONFIG, '').message).toBe(errorOf(ErrorCode.INVALID_CONFIG, null).message)
  })
})
