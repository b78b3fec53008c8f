/** Loaded before the code of a node (`node --import`): breaks it as the planted bug says that `MILLRACE_PLANTED_BUG` names. */
import { mutants } from '@millrace/testkit/internal'

const name = process.env['MILLRACE_PLANTED_BUG']
const mutant = mutants.find(each => each.name === name)
if (!mutant) throw new Error(`there is no planted bug of the name ${name}`)
mutant.plant()
