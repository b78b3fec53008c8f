import type { Draw, SimulationOptions } from '../simulation/options.ts'

/** A bug planted on purpose: the simulator must find it, or a clean run says nothing. */
export interface Mutant {
  readonly name: string
  /** What the code does wrong. */
  readonly bug: string
  /** Breaks the real code of this process; gives how to mend it. */
  plant(): () => void
  /** Found within so many seeds from 1 on. */
  readonly seeds: number
  /** Runs that may show it. Default: any. */
  readonly draw?: Draw
  /** What is fixed of the draw, where the bug needs something rare. Default: nothing. */
  readonly options?: Partial<SimulationOptions>
}

/** Puts another method in the place of one of a prototype or class; `make` gets the real one. Gives how to put it back. */
export function replaceMethod<Owner extends object, Name extends keyof Owner>(
  owner: Owner,
  name: Name,
  make: (real: Owner[Name]) => Owner[Name],
): () => void {
  const real = owner[name]
  const inherited = !Object.hasOwn(owner, name)
  owner[name] = make(real)
  return () => {
    if (inherited) delete owner[name]
    else owner[name] = real
  }
}

/** Puts another getter in the place of one of a prototype. Gives how to put it back. */
export function replaceGetter<Owner extends object, Name extends keyof Owner>(
  owner: Owner,
  name: Name,
  get: (self: Owner) => Owner[Name],
): () => void {
  const real = Object.getOwnPropertyDescriptor(owner, name)
  if (real?.get === undefined) throw new Error(`${String(name)} is no getter`)
  Object.defineProperty(owner, name, {
    ...real,
    get(this: Owner) {
      return get(this)
    },
  })
  return () => void Object.defineProperty(owner, name, real)
}
