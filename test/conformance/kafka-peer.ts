import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

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

/**
 * Runs a single-file Java program of `test/conformance/java/` on Kafka's class path and hands back what it prints, line by
 * line.
 */
export async function runJava(file: string, input: readonly string[], args: readonly string[] = []): Promise<string[]> {
  const path = resolve(import.meta.dirname, 'java', file)
  const child = spawn('java', ['-Xshare:auto', '-XX:TieredStopAtLevel=1', '-cp', kafkaClassPath(), path, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const [output, complaints] = [child.stdout, child.stderr].map(stream => {
    const chunks: Buffer[] = []
    stream.on('data', chunk => chunks.push(chunk))
    return chunks
  }) as [Buffer[], Buffer[]]
  const ended = new Promise<number | null>((done, failed) => {
    child.on('close', done)
    child.on('error', failed)
    child.stdin.on('error', failed)
  })
  child.stdin.end(input.map(line => `${line}\n`).join(''))
  const status = await ended
  if (status !== 0) throw new Error(`java ${file} ended with ${status}: ${Buffer.concat(complaints).toString().slice(0, 4000)}`)
  return Buffer.concat(output).toString().split('\n').slice(0, -1)
}
