import * as protocol from '@millrace/protocol'
import {
  apis,
  decode,
  decodeMetadataRecord,
  decodeRecordKey,
  decodeRecordValue,
  encodeMetadataRecord,
  encodeRecordKey,
  encodeRecordValue,
  encodeWhole,
  errors,
  groupRecordTypes,
  type Message,
  metadataRecords,
  requestHeaderVersion,
  responseHeaderVersion,
  shareStateRecordTypes,
} from '@millrace/protocol'
import { projectValue, randomValue, seededRandom } from '@millrace/protocol/internal'
import { beforeAll, describe, expect, it } from 'vitest'
import { runJava } from './kafka-peer.ts'

/** Kafka 4.3.1 handles these without a generated class. */
const withoutClass = ['AbortedTxn']
/** Declared ahead of Kafka 4.3.1. */
const ahead = [
  'StreamsGroupTopologyDescriptionUpdateRequest',
  'StreamsGroupTopologyDescriptionUpdateResponse',
  'UnregisterControllerRequest',
  'UnregisterControllerResponse',
  'UnregisterControllerRecord',
]
const errorsAhead = [
  ['absent', 'GROUP_DELETION_FAILED false false'],
  ['absent', 'STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED false false'],
  ['absent', 'CONTROLLER_ID_NOT_REGISTERED false false'],
]
const valuesPerVersion = 16
const apiKeys = Array.from({ length: 110 }, (_, key) => key)

const messages = Object.values(protocol).filter(
  (value): value is Message<any> => typeof value === 'object' && value !== null && 'flexibleFrom' in value,
)

interface Case {
  readonly message: Message<any>
  readonly version: number
  readonly seed: number
  readonly value: unknown
  readonly hex: string
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

describe('our messages beside Apache Kafka’s own classes', () => {
  const versionsOfKafka = new Map<string, { min: number; max: number } | null>()
  let cases: Case[] = []
  let echoes: string[] = []
  const apisOfKafka = new Map<number, string>()
  const errorsOfKafka = new Map<number, string>()

  beforeAll(async () => {
    cases = messages.flatMap(casesOf)
    const answers = await runJava('MessageEcho.java', [
      ...apiKeys.map(key => `api ${key}`),
      ...errors.map(({ code }) => `error ${code}`),
      ...messages.map(({ name }) => `versions ${name}`),
      ...cases.map(({ message, version, hex }) => `echo ${message.name} ${version} ${hex}`),
    ])
    const next = () => answers[answered++]!
    let answered = 0
    for (const key of apiKeys) apisOfKafka.set(key, next())
    for (const { code } of errors) errorsOfKafka.set(code, next())
    for (const { name } of messages) {
      const answer = next()
      const [min, max] = answer.split(' ').map(Number) as [number, number]
      versionsOfKafka.set(name, answer === 'absent' ? null : { min, max })
    }
    echoes = answers.slice(answered)
  })

  function casesOf(message: Message<any>): Case[] {
    const all: Case[] = []
    for (let version = message.versions.min; version <= message.versions.max; version++)
      for (let i = 0; i < valuesPerVersion; i++) {
        const seed = version * 1000 + i
        const value = randomValue(message, version, seededRandom(seed), { withIgnorable: true })
        all.push({ message, version, seed, value, hex: hexOf(encodeWhole(message, version, value)) })
      }
    return all
  }

  it('has a class in Apache Kafka for every message but those that it does without', () => {
    const absent = messages.map(({ name }) => name).filter(name => versionsOfKafka.get(name) === null)
    expect(absent.sort()).toEqual([...withoutClass, ...ahead].sort())
  })

  it('begins every message at the version where Apache Kafka begins', () => {
    const differing = messages
      .filter(({ name, versions }) => (versionsOfKafka.get(name)?.min ?? versions.min) !== versions.min)
      .map(({ name }) => name)
    expect(differing).toEqual([])
  })

  it('speaks of every API the stable versions of Apache Kafka, with its listeners, permissions and header versions', () => {
    const ours = new Map(apiKeys.map(key => [key, 'absent']))
    for (const api of apis) {
      if (api.versions === null) continue
      const { min, max } = api.versions
      let headers = ''
      for (let version = min; version <= max; version++)
        headers += `${requestHeaderVersion(api, version)}${responseHeaderVersion(api, version)},`
      ours.set(api.key, [api.name, min, max, `[${api.listeners.join(',')}]`, api.clusterAction, api.forwarded, headers].join(' '))
    }
    expect(ours).toEqual(apisOfKafka)
  })

  it('has Apache Kafka’s errors, by number, name and whether to try again', () => {
    const differing = errors
      .map(({ code, name, retriable, refreshMetadata }) => [errorsOfKafka.get(code), `${name} ${retriable} ${refreshMetadata}`])
      .filter(([theirs, ours]) => theirs !== ours)
    expect(differing).toEqual(errorsAhead)
  })

  it('is written by Apache Kafka byte for byte as it is written here, in every version', () => {
    const differing: string[] = []
    let compared = 0
    cases.forEach(({ message, version, seed, hex }, i) => {
      const known = versionsOfKafka.get(message.name)
      if (known === null || known === undefined || version > known.max) return
      compared++
      if (echoes[i] !== hex)
        differing.push(`${message.name} version ${version} seed ${seed}: ${echoes[i]!.slice(0, 300)} is not ${hex.slice(0, 300)}`)
    })
    expect(differing.slice(0, 20)).toEqual([])
    expect(compared).toBeGreaterThan(600 * valuesPerVersion)
  })

  it('frames its records as Apache Kafka frames them, and reads them back', async () => {
    const records: { line: string; expected: string }[] = []
    for (const message of metadataRecords.values()) {
      const known = versionsOfKafka.get(message.name)
      if (known === null || known === undefined) continue
      for (let version = message.versions.min; version <= known.max; version++) {
        const value = randomValue(message, version, seededRandom(version))
        const bytes = encodeMetadataRecord(message, version, value)
        expect(decodeMetadataRecord(bytes)).toEqual({ message, version, value })
        records.push({ line: `metadata ${hexOf(bytes)}`, expected: hexOf(bytes) })
      }
    }
    for (const [topic, types] of [['group', groupRecordTypes] as const, ['share', shareStateRecordTypes] as const])
      for (const recordType of types.values())
        for (let version = recordType.value.versions.min; version <= recordType.value.versions.max; version++) {
          const [key, value] = [recordType.key, recordType.value].map(message =>
            randomValue(message, message === recordType.key ? 0 : version, seededRandom(version)),
          )
          const keyBytes = encodeRecordKey(recordType.key, key)
          const valueBytes = encodeRecordValue(recordType.value, version, value)
          expect(decodeRecordKey(types, keyBytes)).toEqual({ recordType, key })
          expect(decodeRecordValue(recordType.value, valueBytes)).toEqual({ version, value })
          const pair = `${hexOf(keyBytes)} ${hexOf(valueBytes)}`
          records.push({ line: `${topic} ${pair}`, expected: pair })
        }
    const answers = await runJava(
      'MessageEcho.java',
      records.map(({ line }) => line),
    )
    expect(answers).toEqual(records.map(({ expected }) => expected))
    expect(records.length).toBeGreaterThan(60)
  })

  it('is read from Apache Kafka’s bytes as the value it was', () => {
    cases.forEach(({ message, version, seed, value }, i) => {
      const known = versionsOfKafka.get(message.name)
      if (known === null || known === undefined || version > known.max) return
      const read = decode(message, version, Buffer.from(echoes[i]!, 'hex'))
      expect(read, `${message.name} version ${version} seed ${seed}`).toEqual(projectValue(message, version, value))
    })
  })
})
