import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ErrorCode } from '@millrace/protocol'
import { beforeEach, describe, expect, test } from 'vitest'
import { LoggerLevels, loggerNames } from './logger-levels.ts'

let lines: string[]
let levels: LoggerLevels
beforeEach(() => {
  lines = []
  const write = (event: string, facts: object = {}) => void lines.push([event, ...Object.keys(facts)].join(' '))
  levels = new LoggerLevels({ info: write, warn: write, error: write })
})

const set = (name: string, value: string | null) => ({ name, configOperation: 0, value })
const remove = (name: string) => ({ name, configOperation: 1, value: null })
const levelOf = (name: string) => levels.all().find(logger => logger.name === name)?.level

test('every event that the broker logs belongs to a logger', () => {
  const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.includes('testing'))
    .map(name => readFileSync(join(import.meta.dirname, name), 'utf8'))
  const found = new Set<string>()
  for (const source of sources)
    for (const [, name] of source.matchAll(/(?:logger(?:\.\w+|\[[^\]]*\])\(|event: )[^'\n)]*'([a-z-]+)\./g)) found.add(name!)
  expect([...found].sort()).toEqual(loggerNames)
})

describe('levels', () => {
  test('are INFO at first, and a logger’s own one hides what is less severe of it alone', () => {
    expect(levels.all().every(({ level }) => level === 'INFO')).toBe(true)
    levels.change([set('raft', 'WARN')], false)
    levels.logger.info('raft.leader', { nodeId: 1 })
    levels.logger.warn('raft.slow', { nodeId: 1 })
    levels.logger.info('group.loaded')
    expect(lines).toEqual(['raft.slow nodeId', 'group.loaded'])
  })

  test('of root stand for all that have none, and come back when that is deleted', () => {
    levels.change([set('root', 'ERROR'), set('raft', 'DEBUG')], false)
    levels.logger.warn('group.lost')
    levels.logger.info('raft.leader')
    levels.change([remove('raft')], false)
    levels.logger.info('raft.leader')
    levels.logger.error('raft.failed')
    expect(lines).toEqual(['raft.leader', 'raft.failed'])
    expect([levelOf('raft'), levelOf('root')]).toEqual(['ERROR', 'ERROR'])
  })

  test('stay as they are when one of the changes is refused, or only checked', () => {
    expect(() => levels.change([set('raft', 'WARN'), set('kafka.server', 'WARN')], false)).toThrow('does not exist')
    levels.change([set('raft', 'WARN')], true)
    expect(levelOf('raft')).toBe('INFO')
  })

  test.each([
    [set('raft', 'LOUD'), ErrorCode.INVALID_CONFIG, /Valid log levels are/],
    [set('raft', null), ErrorCode.INVALID_CONFIG, /Valid log levels are/],
    [set('x', 'INFO'), ErrorCode.INVALID_CONFIG, 'Logger x does not exist!'],
    [remove('root'), ErrorCode.INVALID_REQUEST, 'Removing the log level of the root logger is not allowed'],
    [{ name: 'raft', configOperation: 2, value: 'INFO' }, ErrorCode.INVALID_REQUEST, /^APPEND operation is not allowed/],
  ])('%j is refused', (change, errorCode, message) => {
    expect(() => levels.change([change], false)).toThrow(
      expect.objectContaining({ errorCode, message: expect.stringMatching(message) }),
    )
  })
})
