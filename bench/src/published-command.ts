import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const root = join(import.meta.dirname, '../..')
let command: string | null = null

/** Path of the command as users install it: packed at the first call, its packages beside each other, and no source near it that it would run instead. */
export function publishedCommand(): string {
  if (command !== null) return command
  const path = [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  execFileSync(process.execPath, ['scripts/pack.ts'], { cwd: root, env: { ...process.env, PATH: path }, stdio: 'pipe' })
  const scope = join(root, 'build/node_modules/@millrace')
  rmSync(scope, { recursive: true, force: true })
  mkdirSync(scope, { recursive: true })
  for (const name of readdirSync(join(root, 'build/packages'))) symlinkSync(join('../../packages', name), join(scope, name))
  command = join(scope, 'cli/bin/millrace.mjs')
  return command
}
