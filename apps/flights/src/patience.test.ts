import { MillraceError } from '@millrace/runtime'
import { describe, expect, it } from 'vitest'
import { patiently } from './patience.ts'

const away = () => new MillraceError('AWAY', 'not there', { retriable: true })

describe('patience', () => {
  it('tries again until it goes well', async () => {
    const answers = [away(), away()]
    expect(
      await patiently(
        () => {
          const error = answers.pop()
          if (error) throw error
          return 'there'
        },
        () => false,
      ),
    ).toBe('there')
  })

  it('ends at once with what can’t go well later, and when all is over', async () => {
    const wrong = new MillraceError('WRONG', 'for ever')
    await expect(
      patiently(
        () => Promise.reject(wrong),
        () => false,
      ),
    ).rejects.toBe(wrong)
    await expect(
      patiently(
        () => Promise.reject(away()),
        () => true,
      ),
    ).rejects.toThrow('not there')
  })
})
