/** What precedes every request and response. The client id keeps its int16 length even in the flexible header. */
import { int16, int32, message, string, type ValueOf } from '../../schema.ts'

export const RequestHeader = message(
  'RequestHeader',
  { versions: '1-2', flexible: 2 },
  {
    requestApiKey: int16(),
    requestApiVersion: int16(),
    correlationId: int32(),
    clientId: string({ nullable: true, classic: true }),
  },
)

export interface RequestHeader extends ValueOf<typeof RequestHeader> {}

export const ResponseHeader = message('ResponseHeader', { versions: '0-1', flexible: 1 }, { correlationId: int32() })

export interface ResponseHeader extends ValueOf<typeof ResponseHeader> {}
