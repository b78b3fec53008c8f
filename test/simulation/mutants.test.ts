import { hunt, mutants } from '@millrace/testkit/internal'
import { describe, expect, it } from 'vitest'

/** A bench that finds nothing proves nothing: each bug that is planted must be found within the seeds that its table promises. */
describe('a planted bug is found:', () => {
  it.each(mutants.map(mutant => [mutant.name, mutant] as const))('%s', async (_, mutant) => {
    expect(await hunt(mutant)).toMatchObject({ seed: expect.any(Number), failure: expect.any(String) })
  })
})
