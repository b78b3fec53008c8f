import { MillraceError } from '@millrace/runtime'

export type PeerErrorCode = 'PEER_UNREACHABLE' | 'PEER_DISCONNECTED' | 'PEER_TIMEOUT' | 'PEER_CLOSED'

/**
 * Another node gave no answer. Whether the request had an effect there is not known, except for PEER_UNREACHABLE (it never left).
 * All but PEER_CLOSED (this side has closed the channel) are retriable.
 */
export class PeerError extends MillraceError {
  constructor(code: PeerErrorCode, message: string, cause?: unknown) {
    super(code, message, { retriable: code !== 'PEER_CLOSED', cause })
  }
}
