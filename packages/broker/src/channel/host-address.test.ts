import { expect, test } from 'vitest'
import { hostBytes, hostText } from './host-address.ts'

test.each([
  ['127.0.0.1', [127, 0, 0, 1], '127.0.0.1'],
  ['::ffff:10.1.2.3', [10, 1, 2, 3], '10.1.2.3'],
  ['::1', [...new Array<number>(15).fill(0), 1], '0:0:0:0:0:0:0:1'],
  ['fe80::a:b%eth0', [0xfe, 0x80, ...new Array<number>(10).fill(0), 0, 0x0a, 0, 0x0b], 'fe80:0:0:0:0:0:a:b'],
  ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8], '1:2:3:4:5:6:7:8'],
  ['a-name', [0, 0, 0, 0], '0.0.0.0'],
  ['1:2::3:4:5:6:7:8', [0, 0, 0, 0], '0.0.0.0'],
])('%s as the bytes of an address, and back', (host, bytes, text) => {
  expect([...hostBytes(host)]).toEqual(bytes)
  expect(hostText(hostBytes(host))).toBe(text)
})

test('another number of bytes is no address', () => expect(hostText(new Uint8Array(5))).toBeNull())
