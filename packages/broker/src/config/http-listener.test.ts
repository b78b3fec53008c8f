import { ConfigError, ConfigSet } from '@millrace/runtime'
import { expect, test } from 'vitest'
import { httpKeys } from './http-keys.ts'
import { readHttpListener } from './http-listener.ts'

const read = (text?: string) =>
  readHttpListener(
    new ConfigSet(Object.values(httpKeys), new Map(text === undefined ? [] : [[httpKeys.httpListener.name, text]])),
  )

test.each([
  ['http://127.0.0.1:9644', { host: '127.0.0.1', port: 9644 }],
  ['http://[::1]:0', { host: '::1', port: 0 }],
  ['http://node-1.example:80/', { host: 'node-1.example', port: 80 }],
  ['http://:9644', { host: '::', port: 9644 }],
])('%s is an address', (text, address) => expect(read(text)).toEqual(address))

test('nothing given is no HTTP', () => expect([read(), read('')]).toEqual([null, null]))

test.each(['127.0.0.1:9644', 'https://127.0.0.1:9644', 'http://127.0.0.1', 'http://a:65536', 'http://a:1/metrics'])(
  '%s is refused with what it must be',
  text => {
    expect(() => read(text)).toThrow(ConfigError)
    expect(() => read(text)).toThrow(`Invalid value ${text} for configuration millrace.http.listener: must be http://host:port`)
  },
)
