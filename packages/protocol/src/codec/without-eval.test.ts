import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

describe('a runtime that makes no code from text', () => {
  it('encodes and decodes with the interpreter', () => {
    const program = `
      import { decode, encodeWhole, HeartbeatRequest } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)}
      let refused = false
      try { new Function('') } catch { refused = true }
      const bytes = encodeWhole(HeartbeatRequest, 4, { groupId: 'flights', generationId: 3 })
      console.log(JSON.stringify([refused, decode(HeartbeatRequest, 4, bytes)]))`
    const options = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', program]
    const [refused, value] = JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8' }))
    expect(refused).toBe(true)
    expect(value).toEqual({ groupId: 'flights', generationId: 3, memberId: '', groupInstanceId: null })
  })
})
