/** Hunts every planted bug, or the named ones, and prints the table of `packages/testkit/README.md`. */
import { hunt, mutants } from '../mutants/mutants.ts'

const wanted = process.argv.slice(2)
console.log('| planted bug | what it does | found by seed | as |\n|---|---|---|---|')
let isComplete = true
for (const mutant of mutants) {
  if (wanted.length > 0 && !wanted.includes(mutant.name)) continue
  const found = await hunt(mutant)
  if (found === null) isComplete = false
  const failure = found?.failure.replaceAll(/\|/g, '\\|').slice(0, 110)
  console.log(
    `| \`${mutant.name}\` | ${mutant.bug} | ${found ? `${found.seed} of ${mutant.seeds}` : `none of ${mutant.seeds}`} | ${failure ?? ''} |`,
  )
}
process.exit(isComplete ? 0 : 1)
