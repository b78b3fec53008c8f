import { MillraceError } from '@millrace/runtime'
import { isPipeable, plan } from '../rx/piping.ts'

/** The plan of what an operator was applied to; a clear error where it was put into rxjs's own `pipe`, which knows no topology. */
export function planOf<P>(operator: string, source: { readonly [plan]: P }): P {
  if (isPipeable(source)) return source[plan] as P
  throw new MillraceError(
    'OPERATOR_OUTSIDE_TOPOLOGY',
    `${operator}() was applied to something that is no stream, table or group of this application`,
    {
      hint: 'pass it to the pipe() of a stream itself, not to pipe() of rxjs',
    },
  )
}
