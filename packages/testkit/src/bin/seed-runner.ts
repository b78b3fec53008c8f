import { mutants } from '../mutants/mutants.ts'
import type { Draw, SimulationOptions } from '../simulation/options.ts'
import { type SimulationResult, simulate } from '../simulation/run.ts'

/** What all seeds of one call have in common. */
export interface SeedPlan {
  readonly draw: Draw
  readonly options: Partial<SimulationOptions>
  readonly mutant: string | null
  /** One seed in so many is run twice. */
  readonly repeatEvery: number
}

/** A run's result as it travels between processes. */
export type SeedReport = Omit<SimulationResult, 'faults'> & { readonly faults: readonly (readonly [string, number])[] }

/** Runs seeds in this process. Plants the mutant of the plan: throws if there is none of that name. */
export class SeedRunner {
  readonly #plan: SeedPlan

  constructor(plan: SeedPlan) {
    this.#plan = plan
    if (plan.mutant === null) return
    const mutant = mutants.find(({ name }) => name === plan.mutant)
    if (mutant === undefined)
      throw new Error(`there is no mutant ${plan.mutant}: there are ${mutants.map(({ name }) => name).join(', ')}`)
    mutant.plant()
    this.#plan = { ...plan, draw: mutant.draw ?? plan.draw, options: { ...mutant.options, ...plan.options } }
  }

  /** One run. */
  play(seed: number, override: Partial<SimulationOptions> = {}): Promise<SimulationResult> {
    return simulate(seed, { ...this.#plan.options, ...override }, this.#plan.draw)
  }

  /** One run, or two whose traces must be equal. */
  async report(seed: number): Promise<SeedReport> {
    const { faults, ...result } = await this.play(seed)
    const failures = [...result.failures]
    if (seed % this.#plan.repeatEvery === 0) {
      const again = await this.play(seed)
      if (again.traceHash !== result.traceHash)
        failures.push(`not deterministic: trace ${result.traceHash}, then ${again.traceHash}`)
    }
    return { ...result, failures, faults: [...faults] }
  }
}
