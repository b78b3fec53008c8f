import { defaults } from './arguments.ts'

export const help = `Millrace: a Kafka broker, schema registry and streams in TypeScript.

Usage: millrace COMMAND [OPTIONS]

  start                     A local cluster and schema registry, with nothing to configure.
    --brokers N             nodes, one process each if there are several (1, or what DIR holds)
    --port PORT             of the first broker (${defaults.port}; 0 takes free ones)
    --registry-port PORT    of the schema registry (${defaults.registryPort}; 0 takes a free one)
    --data DIR              where the data is kept (./${defaults.data}), and the server.properties of several nodes

  storage random-uuid       Prints an id for a new cluster.
  storage format            Prepares the log directories of a node, once.
    -t, --cluster-id ID     the cluster that it belongs to
    -c, --config FILE       its server.properties
    -s, --standalone        makes it the only voter of its quorum (not with controller.quorum.voters)
    -I, --initial-controllers ID@HOST:PORT:DIRECTORY-ID,…
                            names all voters of a new quorum, the same for every node
    -N, --no-initial-controllers
                            for a node that joins a quorum that is there
    -r, --release-version V the release of Apache Kafka whose levels of features a new cluster begins with (4.3)
    -f, --feature NAME=LEVEL
                            another level of one feature; may be given several times
    -g, --ignore-formatted  leaves directories that are formatted as they are
  broker FILE               Runs a node with a server.properties as Apache Kafka takes it, until SIGTERM or SIGINT.

  -h, --help                This text.
  -v, --version             The version.

Exit codes: 0 done, 1 failed, 2 a command line that cannot be understood. A second signal ends a node at once.
`
