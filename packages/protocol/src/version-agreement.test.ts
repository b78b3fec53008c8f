import { describe, expect, it } from 'vitest'
import { ErrorCode } from './errors/error-code.ts'
import { ApiVersions, type ApiVersionsResponse } from './messages/api-versions.ts'
import { Heartbeat } from './messages/heartbeat.ts'
import { askVersions, commonVersion, nextCorrelationId } from './version-agreement.ts'

const newest = ApiVersions.versions!.max
const answer = (errorCode: number, apiKeys: readonly (readonly [number, number, number])[]) =>
  ({
    errorCode,
    apiKeys: apiKeys.map(([apiKey, minVersion, maxVersion]) => ({ apiKey, minVersion, maxVersion })),
  }) as unknown as ApiVersionsResponse

describe('asking a node what it speaks', () => {
  it('names this software, and takes the ranges by API key', async () => {
    const asked: unknown[] = []
    const versions = await askVersions(async (version, body) => {
      asked.push([version, body])
      return answer(ErrorCode.NONE, [[12, 0, 4]])
    })
    expect(asked).toEqual([[newest, expect.objectContaining({ clientSoftwareName: 'millrace' })]])
    expect(versions).toEqual(new Map([[12, { min: 0, max: 4 }]]))
  })

  it('asks an older node again in the newest form that it knows (KIP-511)', async () => {
    const asked: number[] = []
    await askVersions(async version => {
      asked.push(version)
      return version === newest ? answer(ErrorCode.UNSUPPORTED_VERSION, [[ApiVersions.key, 0, 2]]) : answer(ErrorCode.NONE, [])
    })
    expect(asked).toEqual([newest, 2])
  })

  it('throws the code of another refusal', async () => {
    await expect(askVersions(async () => answer(ErrorCode.INVALID_REQUEST, []))).rejects.toMatchObject({
      errorCode: ErrorCode.INVALID_REQUEST,
    })
  })
})

describe('the version to speak', () => {
  it('is the highest that both know, and no higher than the content asks for', () => {
    expect(commonVersion(Heartbeat, { min: 0, max: 3 }, Infinity, 'n')).toBe(3)
    expect(commonVersion(Heartbeat, { min: 0, max: 99 }, Infinity, 'n')).toBe(Heartbeat.versions!.max)
    expect(commonVersion(Heartbeat, { min: 0, max: 3 }, 1, 'n')).toBe(1)
  })

  it.each([undefined, { min: 90, max: 99 }])('is missing where the node knows %o', theirs => {
    expect(() => commonVersion(Heartbeat, theirs, Infinity, 'node 7')).toThrow(/node 7/)
  })
})

it('correlation ids start again from 0 behind the greatest', () => {
  expect(nextCorrelationId(41)).toBe(42)
  expect(nextCorrelationId(2 ** 31 - 1)).toBe(0)
})
