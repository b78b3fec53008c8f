/** Who asks, as a broker hands it to the controller inside an Envelope request. */
import { bool, message, string, type ValueOf } from '../../schema.ts'

export const DefaultPrincipalData = message(
  'DefaultPrincipalData',
  { versions: '0', flexible: 0 },
  { type: string(), name: string(), tokenAuthenticated: bool() },
)

export interface DefaultPrincipalData extends ValueOf<typeof DefaultPrincipalData> {}
