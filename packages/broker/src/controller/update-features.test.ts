import { ControllerRegistration, ErrorCode, UpdateFeatures } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { ControllerScenario } from '../testing/controller-scenario.ts'
import { supportedFeatures } from './features.ts'

const upgrade = 1
const safe = 2
const unsafe = 3

function update(scenario: ControllerScenario, changes: [string, number, number][], validateOnly = false, version = 2) {
  const featureUpdates = changes.map(([feature, maxVersionLevel, upgradeType]) => ({
    feature,
    maxVersionLevel,
    allowDowngrade: upgradeType !== upgrade,
    upgradeType,
  }))
  const { answered, decided } = scenario.decide(UpdateFeatures, { timeoutMs: 0, featureUpdates, validateOnly }, version)
  return { ...answered, decided }
}

/** A cluster at a level from which there is something to upgrade to. */
function clusterAt(level: number) {
  const scenario = new ControllerScenario([1])
  scenario.write([{ type: 'FeatureLevelRecord', value: { name: 'metadata.version', featureLevel: level } }])
  return scenario
}

describe('UpdateFeatures', () => {
  test('raises metadata.version', () => {
    const scenario = clusterAt(25)
    expect(update(scenario, [['metadata.version', 30, upgrade]])).toMatchObject({ errorCode: 0 })
    expect(scenario.image.features().get('metadata.version')).toBe(30)
  })

  test('lowers a feature, to nothing at 0', () => {
    const scenario = new ControllerScenario([1])
    expect(update(scenario, [['transaction.version', 0, safe]]).errorCode).toBe(0)
    expect(scenario.image.features().has('transaction.version')).toBe(false)
  })

  test('changes nothing with validateOnly, and names its features up to version 1', () => {
    const scenario = clusterAt(25)
    expect(update(scenario, [['metadata.version', 30, upgrade]], true, 1)).toMatchObject({
      errorCode: 0,
      results: [{ feature: 'metadata.version', errorCode: 0 }],
      decided: [],
    })
  })

  test('takes the version that the quorum has, as the tools name it among all of a release', () => {
    const result = update(clusterAt(25), [
      ['kraft.version', 1, upgrade],
      ['metadata.version', 30, upgrade],
    ])
    expect([result.errorCode, result.decided.length]).toEqual([0, 1])
  })

  test('raises kraft.version where raft can, with other features or alone, and not with validateOnly or a refusal', () => {
    const scenario = new ControllerScenario([1])
    scenario.kraftVersion = 0
    expect(update(scenario, [['kraft.version', 1, upgrade]], true)).toMatchObject({ errorCode: 0, decided: [] })
    const withOther: [string, number, number][] = [
      ['kraft.version', 1, upgrade],
      ['group.version', 9, upgrade],
    ]
    expect(update(scenario, withOther).errorCode).toBe(ErrorCode.INVALID_UPDATE_VERSION)
    expect(update(scenario, [['kraft.version', 1, safe]]).errorMessage).toContain("Can't downgrade to a newer version.")
    scenario.whyNoKraftVersion = 'not all of the voters support it'
    expect(update(scenario, [['kraft.version', 1, upgrade]])).toMatchObject({
      errorCode: ErrorCode.INVALID_UPDATE_VERSION,
      errorMessage: 'not all of the voters support it',
    })
    expect(scenario.kraftVersion).toBe(0)
    scenario.whyNoKraftVersion = null
    expect(update(scenario, [['kraft.version', 1, upgrade]])).toMatchObject({ errorCode: 0, decided: [] })
    expect(scenario.kraftVersion).toBe(1)
  })

  test('lowers metadata.version where nothing was added in between, and refuses where something was', () => {
    expect(update(clusterAt(29), [['metadata.version', 25, safe]]).errorCode).toBe(0)
    expect(update(clusterAt(29), [['metadata.version', 22, safe]])).toMatchObject({
      errorCode: ErrorCode.INVALID_UPDATE_VERSION,
      errorMessage:
        'Invalid metadata.version 22. Refusing to perform the requested downgrade because it might delete metadata information.',
    })
    expect(update(clusterAt(29), [['metadata.version', 22, unsafe]])).toMatchObject({
      errorCode: ErrorCode.INVALID_UPDATE_VERSION,
      errorMessage: 'Invalid metadata.version 22. Unsafe metadata downgrade is not supported in this version.',
    })
  })

  test.each([
    ['an unknown feature', [['x', 1, upgrade]]],
    ['a level that this version does not know', [['metadata.version', 31, upgrade]]],
    ['a level below the least', [['metadata.version', 3, safe]]],
    ['a negative level', [['group.version', -1, safe]]],
    ['lowering without saying so', [['group.version', 0, upgrade]]],
    ['an unknown type', [['group.version', 0, 9]]],
    ['another version of the quorum', [['kraft.version', 0, safe]]],
    [
      'a feature twice',
      [
        ['group.version', 0, safe],
        ['group.version', 1, upgrade],
      ],
    ],
  ] as [string, [string, number, number][]][])('refuses %s', (_, changes) => {
    const result = update(new ControllerScenario([1]), changes)
    expect([result.errorCode, result.decided]).toEqual([ErrorCode.INVALID_UPDATE_VERSION, []])
    expect(result.errorMessage).toMatch(/^Invalid update version/)
  })

  test('refuses raising by the type of a downgrade', () => {
    expect(update(clusterAt(25), [['metadata.version', 30, safe]]).errorMessage).toContain("Can't downgrade to a newer version.")
  })

  test('refuses what a registered broker or controller does not support', () => {
    const old = supportedFeatures.map(feature =>
      feature.name === 'metadata.version' ? { ...feature, maxSupportedVersion: 25 } : feature,
    )
    const scenario = clusterAt(25)
    scenario.decide(ControllerRegistration, {
      controllerId: 7,
      incarnationId: scenario.state.newUuid(),
      zkMigrationReady: false,
      listeners: [],
      features: old,
    })
    expect(update(scenario, [['metadata.version', 30, upgrade]]).errorMessage).toContain(
      'Controller 7 only supports versions 7-25',
    )
    const other = clusterAt(25)
    other.register(2, { features: old })
    expect(update(other, [['metadata.version', 30, upgrade]]).errorMessage).toContain('Broker 2 only supports versions 7-25')
  })

  test('of eligible leader replicas needs the metadata.version for it, and moves min.insync.replicas to the cluster', () => {
    const scenario = clusterAt(22)
    const feature = 'eligible.leader.replicas.version'
    scenario.write([{ type: 'FeatureLevelRecord', value: { name: feature, featureLevel: 0 } }])
    expect(scenario.alterConfigs(4, '1', [['min.insync.replicas', 0, '2']]).result.errorCode).toBe(0)
    expect(update(scenario, [[feature, 1, upgrade]]).errorCode).toBe(ErrorCode.INVALID_UPDATE_VERSION)
    expect(
      update(scenario, [
        ['metadata.version', 23, upgrade],
        [feature, 1, upgrade],
      ]).errorCode,
    ).toBe(0)
    expect([...scenario.image.dynamicConfig(4, '')]).toEqual([['min.insync.replicas', '1']])
    expect(scenario.image.dynamicConfig(4, '1').size).toBe(0)
    expect(scenario.alterConfigs(4, '', [['min.insync.replicas', 1, null]]).result.errorCode).toBe(ErrorCode.INVALID_CONFIG)
  })
})

test('ControllerRegistration is remembered by the image, and needs metadata.version 3.7-IV0', () => {
  const registration = {
    controllerId: 3,
    incarnationId: 'AAAAAAAAAAAAAAAAAAAABQ',
    zkMigrationReady: false,
    listeners: [{ name: 'CONTROLLER', host: 'localhost', port: 9093, securityProtocol: 0 }],
    features: supportedFeatures,
  }
  const scenario = new ControllerScenario([1])
  expect(scenario.decide(ControllerRegistration, registration).answered.errorCode).toBe(0)
  expect([...scenario.image.controllers()]).toMatchObject([{ controllerId: 3, endPoints: registration.listeners }])
  expect(clusterAt(14).decide(ControllerRegistration, registration).answered.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION)
})
