/**
 * `node test/faults/cluster/run-faults.ts [--seconds 60] [--only NAME,…] [--maker millrace|kafka] [--no-java]`: each scenario for so long, each on a new cluster; a Markdown table of what was
 * acknowledged and read, and what the checker says. The exit code is 1 if it says anything.
 */
import { parseArgs } from 'node:util'
import { ClusterUnderTest, type Maker } from './cluster-under-test.ts'
import { diskFull, recovered, scenarios } from './scenarios.ts'
import { Workload } from './workload.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    only: { type: 'string' },
    maker: { type: 'string', default: 'millrace' },
    java: { type: 'boolean', default: true },
  },
  allowNegative: true,
})
const seconds = Number(values.seconds)
const only = values.only?.split(',')
const smallDisk = { nodes: [3], mebibytes: 192 }
let failed = false

console.log('| scenario | faults for | acknowledged | read | longest silence | anomalies |\n|---|---|---|---|---|---|')
for (const scenario of [...scenarios, diskFull(3)]) {
  if (only && !only.includes(scenario.name)) continue
  const isDiskFull = scenario.name === 'disk full'
  const cluster = await ClusterUnderTest.start({
    maker: values.maker as Maker,
    ...(isDiskFull ? { smallDisks: smallDisk } : {}),
  })
  let workload: Workload | undefined
  try {
    workload = await Workload.start(cluster, { java: values.java })
    workload.startInterval()
    const startedMs = performance.now()
    await scenario.run(cluster, workload, seconds)
    const tookS = Math.round((performance.now() - startedMs) / 1000)
    await recovered(cluster, workload)
    const { acknowledged, read, longestSilenceMs } = workload.figures
    const anomalies = await workload.check()
    if (anomalies.length > 0) failed = true
    const count = (value: number) => value.toLocaleString('en-US')
    console.log(
      `| ${scenario.name} | ${tookS} s | ${count(acknowledged)} | ${count(read)} | ${count(longestSilenceMs)} ms | ${anomalies.length === 0 ? 'none' : anomalies.length} |`,
    )
    for (const { kind, message } of anomalies.slice(0, 10)) console.error(`${kind}: ${message}`)
  } catch (error) {
    failed = true
    console.error(`${scenario.name}: ${error}\n${workload}`)
    for (const { nodeId } of cluster.nodes) console.error(cluster.logTail(nodeId))
  } finally {
    await workload?.stop()
    await cluster.close()
  }
}
process.exit(failed ? 1 : 0)
