import { simulate } from '../simulation/run.ts'
import { brokerMutants } from './broker-mutants.ts'
import { clientMutants } from './client-mutants.ts'
import { clusterMutants } from './cluster-mutants.ts'
import type { Mutant } from './mutant.ts'

/** Every planted bug. */
export const mutants: readonly Mutant[] = [...brokerMutants, ...clientMutants, ...clusterMutants]

/** The first seed from 1 on that finds the mutant and what it says, null if none does. The code is mended afterwards. */
export async function hunt(mutant: Mutant): Promise<{ readonly seed: number; readonly failure: string } | null> {
  const mend = mutant.plant()
  try {
    for (let seed = 1; seed <= mutant.seeds; seed++) {
      const { failures } = await simulate(seed, mutant.options, mutant.draw)
      if (failures.length > 0) return { seed, failure: failures[0]! }
    }
    return null
  } finally {
    mend()
  }
}
