/*
 * What Confluent's schema registries tell one another as members of a group with protocol type `sr`: each its address, and the one that leads the group
 * tells all who is the primary. JSON, so that instances of both makes can share a group.
 */

import { formatAddress } from '@millrace/runtime'

export const electionProtocolType = 'sr'
export const electionProtocolName = 'v0'

/** Where an instance is reached by the others. */
export interface InstanceIdentity {
  readonly host: string
  readonly port: number
  readonly scheme: 'http' | 'https'
  /** It may become the primary. */
  readonly isEligible: boolean
}

export interface Election {
  /** Two instances go by the same address: nobody can be forwarded to. */
  readonly hasDuplicates: boolean
  /** Null: nobody is eligible. */
  readonly primary: InstanceIdentity | null
}

const version = 1
const noError = 0
const duplicateUrls = 1

export function urlOf({ scheme, host, port }: InstanceIdentity): string {
  return `${scheme}://${formatAddress({ host, port })}`
}

export function encodeIdentity(identity: InstanceIdentity): Uint8Array {
  return json(identityJson(identity))
}

/** Throws a SyntaxError or TypeError for what is none. */
export function decodeIdentity(bytes: Uint8Array): InstanceIdentity {
  return identityFrom(JSON.parse(Buffer.from(bytes).toString()))
}

/**
 * The primary among members, by member id: the eligible one with the smallest URL. Returns what every member is assigned. A member whose bytes are no
 * identity counts as not there.
 */
export function elect(members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[]): Uint8Array {
  let primary: { readonly memberId: string; readonly identity: InstanceIdentity; readonly url: string } | null = null
  const urls = new Set<string>()
  let count = 0
  for (const { memberId, metadata } of members) {
    let identity: InstanceIdentity
    try {
      identity = decodeIdentity(metadata)
    } catch {
      continue
    }
    const url = urlOf(identity)
    urls.add(url)
    count++
    if (identity.isEligible && (primary === null || url < primary.url)) primary = { memberId, identity, url }
  }
  return json({
    version,
    error: urls.size < count ? duplicateUrls : noError,
    ...(primary ? { master: primary.memberId, master_identity: identityJson(primary.identity) } : {}),
  })
}

/** Throws a SyntaxError or TypeError for what is none. */
export function decodeElection(bytes: Uint8Array): Election {
  const { error, master_identity: primary } = JSON.parse(Buffer.from(bytes).toString())
  return { hasDuplicates: error === duplicateUrls, primary: primary ? identityFrom(primary) : null }
}

function identityJson({ host, port, scheme, isEligible }: InstanceIdentity) {
  return { version, host, port, master_eligibility: isEligible, scheme }
}

function identityFrom(value: Record<string, unknown>): InstanceIdentity {
  const { host, port, master_eligibility: isEligible, scheme = 'http' } = value
  if (typeof host !== 'string' || typeof port !== 'number') throw new TypeError('no host and port')
  return { host, port, scheme: scheme === 'https' ? 'https' : 'http', isEligible: isEligible !== false }
}

function json(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}
