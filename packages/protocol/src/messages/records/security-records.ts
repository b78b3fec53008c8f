/** Metadata log: access control entries, SCRAM credentials, delegation tokens. */
import { array, bytes, int8, int32, int64, message, string, uuid, type ValueOf } from '../../schema.ts'

export const AccessControlEntryRecord = message(
  'AccessControlEntryRecord',
  { type: 18, versions: '0', flexible: 0 },
  {
    id: uuid(),
    resourceType: int8(),
    resourceName: string(),
    patternType: int8(),
    principal: string(),
    host: string(),
    operation: int8(),
    permissionType: int8(),
  },
)

export interface AccessControlEntryRecord extends ValueOf<typeof AccessControlEntryRecord> {}

export const RemoveAccessControlEntryRecord = message(
  'RemoveAccessControlEntryRecord',
  { type: 19, versions: '0', flexible: 0 },
  { id: uuid() },
)

export interface RemoveAccessControlEntryRecord extends ValueOf<typeof RemoveAccessControlEntryRecord> {}

export const UserScramCredentialRecord = message(
  'UserScramCredentialRecord',
  { type: 11, versions: '0', flexible: 0 },
  { name: string(), mechanism: int8(), salt: bytes(), storedKey: bytes(), serverKey: bytes(), iterations: int32() },
)

export interface UserScramCredentialRecord extends ValueOf<typeof UserScramCredentialRecord> {}

export const RemoveUserScramCredentialRecord = message(
  'RemoveUserScramCredentialRecord',
  { type: 22, versions: '0', flexible: 0 },
  { name: string(), mechanism: int8() },
)

export interface RemoveUserScramCredentialRecord extends ValueOf<typeof RemoveUserScramCredentialRecord> {}

export const DelegationTokenRecord = message(
  'DelegationTokenRecord',
  { type: 10, versions: '0', flexible: 0 },
  {
    owner: string(),
    requester: string(),
    renewers: array(string()),
    issueTimestamp: int64(),
    maxTimestamp: int64(),
    expirationTimestamp: int64(),
    tokenId: string(),
  },
)

export interface DelegationTokenRecord extends ValueOf<typeof DelegationTokenRecord> {}

export const RemoveDelegationTokenRecord = message(
  'RemoveDelegationTokenRecord',
  { type: 26, versions: '0', flexible: 0 },
  { tokenId: string() },
)

export interface RemoveDelegationTokenRecord extends ValueOf<typeof RemoveDelegationTokenRecord> {}
