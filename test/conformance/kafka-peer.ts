import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { run } from './process-harness.ts'

/**
 * Apache Kafka's script: `MILLRACE_KAFKA`, else where the project keeps its peers. Throws when it is not there: no test passes
 * for want of it.
 */
export function kafkaScript(): string {
  const path = process.env['MILLRACE_KAFKA'] ?? resolve(import.meta.dirname, '../../../shared/peers/kafka')
  if (!existsSync(path)) throw new Error(`no Apache Kafka at ${path}: set MILLRACE_KAFKA to the 'kafka' script of the peers`)
  return path
}

/** The class path of Apache Kafka's jars. */
export function kafkaClassPath(): string {
  return execFileSync(kafkaScript(), ['classpath'], { encoding: 'utf8' }).trim()
}

/** The longest that one of `java/` may take: a JVM, a compilation and some seconds of work, on a machine that is busy. */
const javaTimeoutMs = 120_000

/**
 * Runs a single-file Java program of `test/conformance/java/` on Kafka's class path and hands back what it prints, line by
 * line. Throws, with what it complained of, when it fails or does not end in two minutes.
 */
export async function runJava(file: string, input: readonly string[], args: readonly string[] = []): Promise<string[]> {
  const path = resolve(import.meta.dirname, 'java', file)
  const options = ['-Xshare:auto', '-XX:TieredStopAtLevel=1', '-cp', kafkaClassPath(), path, ...args]
  const { stdout } = await run('java', options, { input: input.map(line => `${line}\n`).join(''), timeoutMs: javaTimeoutMs })
  return stdout.split('\n').slice(0, -1)
}
