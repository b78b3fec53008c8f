import type { RaftTransport } from '../raft-transport.ts'

/** For tests: nobody to talk to: the transport of a quorum of one that no other node observes. */
export const noTransport: RaftTransport = {
  request: to => Promise.reject(new Error(`no connection to ${to.host}:${to.port}`)),
}
