import { defaults } from './arguments.ts'

export const help = `Millrace: a Kafka broker, schema registry and streams in TypeScript.

Usage: millrace COMMAND [OPTIONS]

  start                     A local broker and schema registry, with nothing to configure.
    --port PORT             of the broker (${defaults.port}; 0 takes a free one)
    --registry-port PORT    of the schema registry (${defaults.registryPort}; 0 takes a free one)
    --data DIR              where the data is kept (./${defaults.data})
    --brokers N             1: more are not possible yet

  storage random-uuid       Prints an id for a new cluster.
  storage format            Prepares the log directories of a node, once.
    -t, --cluster-id ID     the cluster that it belongs to
    -c, --config FILE       its server.properties
    -s, --standalone        makes it the only voter of its quorum (not with controller.quorum.voters)
    -g, --ignore-formatted  leaves directories that are formatted as they are
  broker FILE               Runs a node with a server.properties as Apache Kafka takes it, until SIGTERM or SIGINT.

  -h, --help                This text.
  -v, --version             The version.

Exit codes: 0 done, 1 failed, 2 a command line that cannot be understood. A second signal ends a node at once.
`
