import { formatAddress } from '@millrace/runtime'
import { describe, expect, it } from 'vitest'
import { parseBootstrapServers } from './address.ts'

describe('bootstrap servers', () => {
  it('are read from text and lists, with IPv6 and a listener prefix', () => {
    expect(parseBootstrapServers('a:1, b.example.com:65535')).toEqual([
      { host: 'a', port: 1 },
      { host: 'b.example.com', port: 65_535 },
    ])
    expect(parseBootstrapServers(['[::1]:9092', 'PLAINTEXT://127.0.0.1:9093'])).toEqual([
      { host: '::1', port: 9092 },
      { host: '127.0.0.1', port: 9093 },
    ])
    expect(formatAddress({ host: '::1', port: 9092 })).toBe('[::1]:9092')
  })

  it.each(['', ' , ', 'localhost', 'a:0', 'a:65536', 'a:b', '::1:9092', 'a b:1', ':9092'])(
    'refuse %j, naming the setting',
    text => {
      expect(() => parseBootstrapServers(text)).toThrow(/bootstrap.servers/)
    },
  )
})
