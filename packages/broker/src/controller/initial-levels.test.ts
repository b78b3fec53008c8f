import { describe, expect, test } from 'vitest'
import { initialLevels, parseFeatureLevels } from './initial-levels.ts'

const levels = (releaseVersion?: string, features: Record<string, number> = {}, isDynamic = true) =>
  Object.fromEntries(
    initialLevels({
      features: new Map(Object.entries(features)),
      isDynamic,
      ...(releaseVersion === undefined ? {} : { releaseVersion }),
    }),
  )

const newest = {
  'metadata.version': 30,
  'eligible.leader.replicas.version': 1,
  'group.version': 1,
  'share.version': 1,
  'streams.version': 1,
  'transaction.version': 2,
}

// Expected is what `kafka-storage version-mapping` and `format` of Apache Kafka 4.3.1 print.
describe('levels of a new cluster', () => {
  test('are the newest without a release, and kraft.version is none of them', () => {
    expect(levels()).toEqual(newest)
    expect(levels(undefined, { 'kraft.version': 1 })).toEqual(newest)
    expect(levels(undefined, { 'kraft.version': 0 }, false)).toEqual(newest)
  })

  test.each([
    ['3.3-IV3', { 'metadata.version': 7 }],
    ['3.6', { 'metadata.version': 14 }],
    ['3.7-IV2', { 'metadata.version': 17 }],
    ['3.9.1', { 'metadata.version': 21 }],
    ['4.0-IV0', { 'metadata.version': 22, 'group.version': 1 }],
    ['4.0', { 'metadata.version': 25, 'group.version': 1, 'transaction.version': 2 }],
    ['4.1-IV0', { 'metadata.version': 26, 'eligible.leader.replicas.version': 1, 'group.version': 1, 'transaction.version': 2 }],
    [
      '4.2-IV0',
      {
        'metadata.version': 28,
        'eligible.leader.replicas.version': 1,
        'group.version': 1,
        'share.version': 1,
        'transaction.version': 2,
      },
    ],
    ['4.2', { ...newest, 'metadata.version': 29 }],
    ['4.3', newest],
  ])('of release %s', (release, expected) => {
    expect(levels(release)).toEqual(expected)
  })

  test('are others where features say so', () => {
    expect(levels('4.0.1', { 'transaction.version': 1, 'group.version': 0 })).toEqual({
      'metadata.version': 25,
      'transaction.version': 1,
    })
    expect(levels(undefined, { 'metadata.version': 20 })).toEqual({ 'metadata.version': 20 })
  })

  test.each([
    ['an unknown feature', undefined, { foo: 1 }, /^Unsupported feature: foo. Supported features are: eligible\.leader/],
    ['an unknown level', undefined, { 'group.version': 9 }, 'No feature:group.version with feature level 9'],
    ['a level of metadata.version too new', undefined, { 'metadata.version': 31 }, /level 31/],
    ['an unknown release', '9.9', {}, /^Unknown metadata.version '9.9'. Supported metadata.version are: 3.3-IV3, /],
    ['half a name', '4', {}, /^Unknown metadata.version '4'/],
    [
      'a level that the release is too old for',
      '3.9',
      { 'eligible.leader.replicas.version': 1 },
      /depends on metadata.version level 23/,
    ],
    ['two levels of metadata.version', '4.0', { 'metadata.version': 20 }, /^Use --release-version instead/],
    ['static voters in a dynamic quorum', undefined, { 'kraft.version': 0 }, /^Cannot set kraft.version to 0 if/],
  ] as [string, string | undefined, Record<string, number>, string | RegExp][])('refuse %s', (_, release, features, message) => {
    expect(() => levels(release, features)).toThrow(message)
  })

  test('refuse voters in the log where they are static', () => {
    expect(() => levels(undefined, { 'kraft.version': 1 }, false)).toThrow(/^Cannot set kraft.version to 1 unless/)
  })
})

test('levels are read as name=level, the last of a name', () => {
  expect([...parseFeatureLevels(['a=1', 'b.c = 2', 'a=3'])]).toEqual([
    ['a', 3],
    ['b.c', 2],
  ])
  expect(() => parseFeatureLevels(['group.version'])).toThrow(/equals sign not found/)
  for (const level of ['x', '', '-1', '1.5', '1=2']) expect(() => parseFeatureLevels([`a=${level}`])).toThrow(/no level/)
})
